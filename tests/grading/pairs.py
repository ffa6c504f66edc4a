r"""Pairs of answers that are hard to compare, with the result that is wanted.

One pair a line, `left ¦ right`; a line in brackets names what the pairs below are about. Every pair
must come out the same in both orders.
"""

from __future__ import annotations

EQUAL = r"""
[whole numbers]
7 ¦ 7
7 ¦ +7
7 ¦ 007
-3 ¦ −3
$7$ ¦ 7
7. ¦ 7
\(7\) ¦ 7
**7** ¦ 7
\boxed{7} ¦ 7
３ ¦ 3
[decimals]
0.5 ¦ .5
0.50 ¦ 0.5
2.0 ¦ 2
-0.0 ¦ 0
326.5 ¦ 326.50
1e3 ¦ 1000
1.5 \times 10^{8} ¦ 150000000
3 \cdot 10^{-2} ¦ 0.03
6.72*10^-5 ¦ .0000672
0.30000000000000004 ¦ 0.3
0.333333 ¦ \frac{1}{3}
0.0666667 ¦ 1/15
2\pi ¦ 6.283185307
\sqrt{2} ¦ 1.41421356
0.\overline{3} ¦ \frac{1}{3}
0.1\overline{6} ¦ 1/6
[fractions]
\frac{1}{2} ¦ 0.5
\frac12 ¦ 1/2
\frac 59 ¦ \frac{5}{9}
\frac9{19} ¦ \dfrac{9}{19}
\frac{270}7 ¦ 270/7
\tfrac{3}{4} ¦ 0.75
-\frac{35}{9} ¦ \frac{-35}{9}
-\frac{1}{2} ¦ \frac{1}{-2}
\frac{2}{4} ¦ \frac{1}{2}
\frac{\frac{1}{2}}{3} ¦ \frac{1}{6}
½ ¦ 0.5
\cfrac{1}{3} ¦ 1/3
(1/2) ¦ 1/2
1/2 ¦ 2^{-1}
\frac{1}{\sqrt{2}} ¦ \frac{\sqrt{2}}{2}
3:4 ¦ \frac{3}{4}
[mixed numbers]
1\frac{4}{5} ¦ \frac{9}{5}
137 \frac{1}{2} ¦ 137.5
1 4/5 ¦ 1.8
-1\frac12 ¦ -1.5
-2 1/2 ¦ -\frac{5}{2}
3½ ¦ 3.5
[thousands]
10,\!080 ¦ 10080
11,\! 111,\! 111,\! 100 ¦ 11111111100
58,500 ¦ 58500
1{,}234 ¦ 1,234
1\,000\,000 ¦ 1000000
1 000 000 ¦ 1000000
1,234.50 ¦ 1234.5
-1,000 ¦ -1000
100, 200 ¦ 100,200
[per cent]
50\% ¦ 50
50\% ¦ 0.5
50% ¦ \frac{1}{2}
50\% ¦ 50 %
12.5\% ¦ \frac{1}{8}
50 percent ¦ 50\%
50\text{ percent} ¦ 50
33\frac{1}{3}\% ¦ \frac{100}{3}
[degrees]
90^\circ ¦ 90
90^{\circ} ¦ 90°
90\text{ degrees} ¦ 90^\circ
\frac{270}7\text{ degrees} ¦ \frac{270}{7}
45 degrees ¦ 45
\sin 30^\circ ¦ \frac{1}{2}
[units]
5\text{ cm} ¦ 5
5 cm ¦ 5\text{ centimeters}
864 \mbox{ inches}^2 ¦ 864
864 \mbox{ inches}^2 ¦ 864 square inches
15\mbox{ cm}^2 ¦ 15 \text{ cm}^{2}
5.4 \text{ cents} ¦ 5.4
\$32,\!348 ¦ 32348
\$18.90 ¦ 18.9
$36 ¦ 36 dollars
\$36 ¦ 36
18 eggs ¦ 18
60 miles per hour ¦ 60 mph
3 hours ¦ 3 hrs
12 \text{ square units} ¦ 12
8 km/h ¦ 8 kilometers per hour
\mathrm{6\ cm} ¦ 6
x=7\text{ apples} ¦ 7
[text]
\text{Evelyn} ¦ Evelyn
\text{Evelyn} ¦ evelyn.
\textbf{east} ¦ \text{East}
\mathrm{even} ¦ even
\text{(C)} ¦ C
\text{(C)} ¦ (C)
\textbf{(B)} ¦ \text{B}
(E) ¦ E
"yes" ¦ Yes
\text{ two  thirds } ¦ two thirds
二 ¦ 二
[roots, pi, e and i]
\sqrt{8} ¦ 2\sqrt{2}
11\sqrt2 ¦ 11\sqrt{2}
70 \sqrt{2} ¦ 70*sqrt(2)
sqrt(51) ¦ \sqrt{51}
√51 ¦ \sqrt{51}
\sqrt[3]{8} ¦ 2
\sqrt[3]{-27} ¦ -3
8^{2/3} ¦ 4
\frac{\sqrt{3}}{3} ¦ \frac{1}{\sqrt{3}}
\sqrt{3+2\sqrt{2}} ¦ 1+\sqrt{2}
18+2\pi ¦ 2(9+\pi)
\frac{20000}{\pi} ¦ 20000/π
12pi ¦ 12\pi
6 - 5i ¦ -5i+6
i^2 ¦ -1
(1+i)^2 ¦ 2i
e^{i\pi} ¦ -1
\ln(e^3) ¦ 3
\log_2 8 ¦ 3
\frac{\ln 8}{\ln 2} ¦ 3
\sin\frac{\pi}{6} ¦ 0.5
5! ¦ 120
\binom{5}{2} ¦ 10
|-3| ¦ 3
\left|1-\sqrt{2}\right| ¦ \sqrt{2}-1
2^{100} ¦ 4^{50}
2^{10} ¦ 1024
\infty ¦ +\infty
[expressions]
(x-1)(x+1) ¦ x^2-1
p - q ¦ -(q-p)
\frac{11+9a}{20} ¦ \frac{11}{20}+\frac{9a}{20}
x^5 - x^4 + x^3 ¦ x^3(x^2-x+1)
6r^2-4r-24 ¦ 2(3r^2-2r-12)
(a+5)(b+2) ¦ ab+2a+5b+10
2k+2 ¦ 2*(k+1)
\cot x ¦ \frac{\cos x}{\sin x}
\sin^2 x + \cos^2 x ¦ 1
\cos 2x ¦ 1 - 2\sin^2 x
x^{12} ¦ x^12
x² ¦ x^2
2x**3 ¦ 2x^3
\frac{1}{x} ¦ x^{-1}
a_1 + a_2 ¦ a_2+a_1
\frac{x^2-1}{x-1} ¦ x+1
e^{2x} ¦ (e^x)^2
\sqrt{x^2} ¦ |x|
5r^5 ¦ 5 r^{5}
\theta + 1 ¦ 1 + θ
[equations and names]
x=5 ¦ 5
x = 5 ¦ 5 = x
y = 2x + 3 ¦ 2x+3
y = 2x + 3 ¦ 2x - y + 3 = 0
5x - 7y + 11z + 4 = 0 ¦ -5x+7y-11z-4=0
5x - 7y + 11z + 4 = 0 ¦ 10x-14y+22z+8=0
f(x) = x^2 ¦ x^2
3+4=7 ¦ 7
x = 2+3 = 5 ¦ 5
P(A) = \frac{1}{4} ¦ 0.25
= 12 ¦ 12
\approx 3.5 ¦ 3.5
2x = 10 ¦ x = 5
[lists and sets]
1,-2 ¦ -2, 1
3, 5, 7 ¦ 7,5,3
3 and 5 ¦ 5, 3
3 \text{ or } 5 ¦ 3,5
x=3 \text{ or } x=-1 ¦ -1, 3
\{1,2\} ¦ \{2,1\}
\{1,2,2\} ¦ \{1,2\}
\{1, 2\} ¦ 1, 2
\{\frac12, 3\} ¦ \{3, 0.5\}
\{5\} ¦ 5
\emptyset ¦ \{\}
\varnothing ¦ ∅
$1$ and $2$ ¦ 2,1
[plus or minus]
1 \pm \sqrt{19} ¦ 1+\sqrt{19}, 1-\sqrt{19}
3 \pm 2 \sqrt{2} ¦ 3-2\sqrt{2},3+2\sqrt{2}
\pm 3 ¦ 3, -3
±3 ¦ \{-3,3\}
x = \pm 2 ¦ x=2 or x=-2
\{1\pm\sqrt{5},-2\} ¦ \{-2, 1-\sqrt5, 1+\sqrt5\}
\frac{-1\pm\sqrt{5}}{2} ¦ \frac{-1-\sqrt5}{2}, \frac{\sqrt5-1}{2}
[tuples]
(1,2) ¦ (1, 2)
(1,2) ¦ \left( 1, 2 \right)
(1,2) ¦ 1, 2
\left( 3, \frac{\pi}{2} \right) ¦ (3, \pi/2)
(6,31,-1) ¦ ( 6 , 31 , -1 )
\left( \frac{3}{2}, -13 \right) ¦ (1.5,-13)
\langle 1, 2\rangle ¦ (1,2)
(x,y) = (1,2) ¦ (1,2)
(1,234) ¦ (1, 234)
[intervals]
(3,4] ¦ \left(3,4\right]
(-\infty, 0] ¦ x \le 0
[2, \infty] ¦ [2, \infty)
[-\infty, 2] ¦ (-\infty, 2]
(2,\infty) ¦ x > 2
[2,\infty) ¦ x \geq 2
(2,∞) ¦ 2 < x
x \in [-2,7] ¦ [-2,7]
-2 \le x \le 7 ¦ [-2,7]
-2 <= x < 7 ¦ [-2, 7)
7 > x > 2 ¦ (2,7)
(0,9) \cup (9,36) ¦ (9,36)\cup(0,9)
(-\infty, 2) \cup (3, \infty) ¦ x<2 \text{ or } x>3
]0,1[ ¦ (0,1)
\left[ \frac{\pi^2}{8}, \frac{5 \pi^2}{4} \right] ¦ [\pi^2/8, 1.25\pi^2]
(-\infty,\infty) ¦ \mathbb{R}
a < b ¦ b > a
[matrices]
\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} ¦ \begin{bmatrix}1&2\\3&4\end{bmatrix}
\begin{pmatrix} -1/3 \\ 2/3 \\ 5/3 \end{pmatrix} ¦ \begin{pmatrix} -\frac{1}{3} \\ \frac23 \\ \frac{5}{3} \end{pmatrix}
\begin{pmatrix} 1 \\ 2 \end{pmatrix} ¦ (1,2)
\left[\begin{array}{cc} 1 & 0 \\ 0 & 1 \end{array}\right] ¦ \begin{bmatrix}1&0\\0&1\end{bmatrix}
A = \begin{pmatrix} 0 \\ 1 \end{pmatrix} ¦ \begin{pmatrix} 0 \\ 1\end{pmatrix}
[bases]
52_8 ¦ 52_{8}
4210_{5} ¦ 4210_5
52_8 ¦ 52
101_2 ¦ 5_{10}
[left to math-verify]
\int_0^1 x \, dx ¦ \frac{1}{2}
\sum_{k=1}^{4} k ¦ 10
\lim_{x\to 0} \frac{\sin x}{x} ¦ 1
\int_0^1 2x \, dx ¦ \sum_{k=1}^{1} k
[attempts that are the same text]
__import__('os').system('true') ¦ __import__('os').system('true')
9^{9^{9^9}} ¦ 9^{9^{9^9}}
"""

DIFFERENT = r"""
[whole numbers]
7 ¦ -7
7 ¦ 8
7 ¦ 77
12345678901234567890 ¦ 12345678901234567891
1234567 ¦ 1234568
7 ¦ 7!
0 ¦ 1
[decimals]
0.333 ¦ \frac{1}{3}
0.33 ¦ 1/3
0.5 ¦ 0.05
1.5 ¦ 15
3.14 ¦ \pi
\frac{22}{7} ¦ \pi
1.41 ¦ \sqrt{2}
.0000672 ¦ .0000673
6.72 ¦ 6.720001
\sqrt{2} ¦ 1.5
[fractions]
\frac{1}{2} ¦ \frac{2}{1}
\frac12 ¦ 12
\frac{3}{4} ¦ 3, 4
\frac{1}{3} ¦ \frac{1}{2}
3:4 ¦ 4:3
10:15 ¦ 10:30
[mixed numbers]
1\frac{4}{5} ¦ \frac{4}{5}
2\frac{1}{2} ¦ 1
137 \frac{1}{2} ¦ 68.5
[thousands]
1,234 ¦ 1.234
1,23 ¦ 123
(1,234) ¦ 1234
58,500 ¦ 5850
1,2,3 ¦ 123
[per cent]
50\% ¦ 5
50\% ¦ 5000\%
5\% ¦ 0.5
50\% ¦ 0.5\%
[degrees and units]
90^\circ ¦ 45^\circ
90^\circ ¦ \frac{\pi}{2}
5 cm ¦ 5 m
5 \text{ cm} ¦ 5 \text{ meters}
5 cents ¦ 5 dollars
\$5 ¦ 5 cents
5 apples ¦ 5 oranges
5 apples ¦ 6 apples
15 \text{ cm}^2 ¦ 15 \text{ cm}^3
3 xyz ¦ 3
2m ¦ 2
[text]
\text{Evelyn} ¦ \text{Navin}
\text{even} ¦ \text{odd}
\text{(C)} ¦ \text{(D)}
C ¦ D
yes ¦ no
\text{east} ¦ 5
seven apples ¦ 7
I do not know ¦ 42
R^2 ¦ r^2
none ¦ 0
see above ¦ \frac{1}{2}
[roots, pi, e and i]
\sqrt{8} ¦ 4
2\sqrt{3} ¦ 3\sqrt{2}
1+i ¦ 1-i
6 - 5i ¦ 5 - 6i
\pi ¦ 2\pi
\pi ¦ p
e ¦ 2.7
\alpha + 1 ¦ \beta + 1
\sqrt[3]{8} ¦ \sqrt{8}
\log_2 8 ¦ \ln 8
\infty ¦ -\infty
\infty ¦ 100000000
2^{100} ¦ 4^{51}
2^{64} ¦ 2^{64}+1
[expressions]
x^2 - 1 ¦ x^2 + 1
x+1 ¦ y+1
(x+1)^2 ¦ x^2+1
x ¦ |x|
\frac{1}{x} ¦ x
a_1 ¦ a_2
2x+1 ¦ 2x
\sin x ¦ \cos x
ab ¦ a+b
x^2 ¦ 2x
[equations and names]
x=5 ¦ 6
x=5 ¦ y=5
2x = 10 ¦ 10
y = 2x + 3 ¦ y = 2x - 3
y = 2x ¦ x = 2y
5x - 7y = 0 ¦ 0
x = 5 ¦ x > 5
[lists and sets]
1, 2 ¦ 1, 2, 3
\{1,2\} ¦ \{1,3\}
\{1,2\} ¦ (1,2)
3, 5 ¦ 3
\emptyset ¦ 0
\{0\} ¦ \emptyset
1,-2 ¦ 1,2
[plus or minus]
\pm 3 ¦ 3
1 \pm \sqrt{19} ¦ 1 + \sqrt{19}
1 \pm 2 ¦ 2 \pm 1
[tuples]
(1,2) ¦ (2,1)
(1,2) ¦ (1,2,3)
(1,2) ¦ 12
1, 2 ¦ (2, 1)
(1,2) ¦ 1.2
(3,\frac{\pi}{2}) ¦ (3,\pi)
[intervals]
[0,1) ¦ [0,1]
(0,1) ¦ [0,1]
(2,\infty) ¦ [2,\infty)
(2,\infty) ¦ (-\infty,2)
x > 2 ¦ x < 2
x \ge 2 ¦ x > 2
x > 2 ¦ 2
(0,9) \cup (9,36) ¦ (0,36)
[-2,7] ¦ -2, 7
(-\infty,\infty) ¦ (0,\infty)
a < b ¦ b < a
[matrices]
\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} ¦ \begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}
\begin{pmatrix} 1 & 2 \end{pmatrix} ¦ \begin{pmatrix} 1 \\ 2 \end{pmatrix}
\begin{pmatrix} 1 \\ 2 \end{pmatrix} ¦ (2,1)
\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix} ¦ 1
[bases]
52_8 ¦ 42
52_8 ¦ 52_9
[left to math-verify]
\int_0^1 x \, dx ¦ \frac{1}{3}
\sum_{k=1}^{4} k ¦ 11
[attempts to have code run]
__import__('os').system('touch injected') ¦ 7
__import__("os").system("touch injected") ¦ 0
eval("7") ¦ 7
exec("import os; os.remove('x')") ¦ 7
print(7) ¦ 7
lambda: 7 ¦ 7
(lambda x: x)(7) ¦ 7
open('injected','w').write('7') ¦ 7
().__class__.__bases__[0].__subclasses__() ¦ 7
\text{__import__('os').system('touch injected')} ¦ 7
{{7*7}} {{config}} ¦ 49
\input{/etc/passwd} ¦ 7
\write18{touch injected} ¦ 7
\immediate\write18{touch injected} ¦ 7
$(touch injected) ¦ 7
`touch injected` ¦ 7
'; DROP TABLE samples; -- ¦ 7
7; import os ¦ 7
sympify("7") ¦ 7
\frac{__import__('os').getpid()}{1} ¦ 7
[what was cut or is broken]
\frac{1}{ ¦ 1
\frac{1}{2 ¦ 0.5
\sqrt{ ¦ 2
3 + ¦ 3
(1, 2 ¦ (1,2)
))) ¦ 3
\ ¦ 7
{}{}{} ¦ 7
\begin{pmatrix} 1 \\ 2 ¦ (1,2)
? ¦ 7
\frac{1}{0} ¦ 0
0/0 ¦ 0
"""

UNGRADABLE = r"""
[numbers beyond any machine]
9^{9^{9^{9}}} ¦ 7
9**9**9**9 ¦ 7
2^{2^{2^{2^{2^{2}}}}} ¦ 0
10^{10^{10}} ¦ 10^{10^{10}}+1
(10^{10})! ¦ 7
100000! ¦ 7
((9!)!)! ¦ 7
\binom{10^9}{10^8} ¦ 7
9^{9^{9}} x ¦ x
1.5^{10^{12}} ¦ 0
e^{10^{10}} ¦ 7
[towers that math-verify is not shown]
10^{10^{9}} \cdot \int_0^1 x \, dx ¦ 7
\left(\int_0^1 x \, dx\right)^{99999999999} ¦ 7
\int_0^1 x \, dx + 123456! ¦ 7
[what neither reader knows]
\foo{1} \bar \baz ¦ \qux{2} \quux
"""


def pairs() -> list[tuple[str, str, bool | None]]:
    """All pairs with the wanted result, None for what cannot be graded."""
    found = []
    for table, wanted in ((EQUAL, True), (DIFFERENT, False), (UNGRADABLE, None)):
        for line in table.strip().splitlines():
            if not (line.startswith("[") and line.endswith("]") and " ¦ " not in line):
                left, right = line.split(" ¦ ")
                found.append((left, right, wanted))
    return found
