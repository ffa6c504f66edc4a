"""Find the final answer in a completion.

The last box, ``<answer>`` or ``####`` line; an answer that is named behind the last box in so many words
stands before it; else what is said to be the answer. What was reasoned in ``<think>`` comes last.
"""

from __future__ import annotations

import re

# "#### 7" or "#7"; "# Step 2" is a heading.
_HASH = re.compile(r"^[ \t]*(?:####[ \t]*|#(?![#\s]))([^#\s].*)$", re.M)
_BOXED = re.compile(
    r"(?:\\(?:boxed|fbox|framebox)|\x08oxed|(?<![A-Za-z\\])boxed(?=\{))"
    r"(?:\s*\{|[ \t]*(?=[^\sA-Za-z{$])|[ \t]+(?=[\w\\]))"
)
_EMPTY_BOX = re.compile(
    r"\\(?:boxed|fbox)\s*\{\s*(?:\.\.\.|…|\\l?dots|(?:\\text\{)?\s*(?:your |final )?answer\s*\}?)?\s*\}", re.I
)
_UNBRACED = re.compile(r"\\?[^\s$]{1,200}")
# Between two boxes of one statement: a comma or a word between items, with fences, spacing and a left side.
_FILLING = r"\s|\$|\\[()\[\]]|\\(?:quad|qquad)(?![A-Za-z])|\\[,;: ]"
_BETWEEN = re.compile(
    rf"(?:{_FILLING})*(?:[,;&]|\\text\s*\{{\s*,?\s*(?:and|or)\s*,?\s*\}}|and|or|、|和|或)"
    rf"(?:{_FILLING}|,|and\b|or\b)*(?:\\?[A-Za-z]{{1,6}}(?:_\{{?\w+\}}?)?\s*=\s*)?"
)
_TAG = re.compile(r"<answer>|\[answer\]", re.I)
_TAGGED = re.compile(r"(.{0,2000}?)(?:</answer>|\[/answer\]|\Z)", re.S | re.I)
_THOUGHT = re.compile(r"</think(?:ing)?>|<\|end_of_thought\|>", re.I)
# "Answer" in other languages.
_ELSEWHERE = r"antwort|lösung|réponse|reponse|respuesta|risposta|resposta|ответ|答え|정답"
_NAMED = re.compile(
    rf"(?<![^\W\d_])(?:answers?|ans|{_ELSEWHERE})(?![a-z])|答案|故选|应选|(?<=[，,因此以])选(?=[\s*$(（]{{0,4}}[A-J])|正确选项"
    r"|^[ \t*#]{0,9}(?:final\s)?result(?=[*_]{0,3}\s?[:：])"
    r"|\b(?:correct|right|best)\s{1,3}(?:option|choice)\b|^[ \t]{0,9}A(?=:)",
    re.I | re.M,
)
_ADVERBS = (
    r"(?:\s{0,3}(?:therefore|thus|then|hence|simply|just|indeed|clearly|now|also|still|actually|equal to|given by|"
    r"approximately|about|indeed|exactly)\b\s{0,3},?){0,3}"
)
_LEAD = re.compile(
    rf"(?:answers?|ans|{_ELSEWHERE}|答案|故选|应选|正确选项|选|option|choice|result|A)[\"'”】]?[ *_`}}\\]{{0,6}}"
    r"(?:,\s(?:therefore|then|thus|hence|finally|in this case|as required),?\s)?"
    r"(?:\([^()\n]{1,30}\)[ *_]{0,4}(?=[:：=]))?"
    r"(?:(?:to|of)\s[^\n:.]{1,80}?\s(?=is\b)|for\s[^\n:.]{1,80}?\s(?=is\b))?"
    rf"(?:(?:is|are|was|(?:should|must|would|will|can) (?:only |therefore |thus |then |also )?be|equals|"
    rf"of(?=\s{{1,3}}[-$\\*(]{{0,4}}\d)|"
    rf"(?:comes|works|turns) out(?: to(?: be)?)?|"
    rf"ist|lautet|est|es|è|é)\b{_ADVERBS}\s{{0,9}}[:：]?(?:\s?\}})?"
    r"|[:：=]\s?\}?|(?:是|为|は|은|는|选择?)[:：]?|(?<=】)|(?<=选)|→|->|[—–]|-(?=\s)|\}\s?:"
    r"|(?=\s{1,3}(?:\(-?\d[\d.,/]{0,20}\)|\$|\\\(|\(?[A-J]\)?(?:[.\s]|$)|-?\d)))[ \t]{0,9}",
    re.I,
)
_HEADING = re.compile(
    r"(?:answer|ans|答案)[ \t*_`:：}]{0,9}(?:is[ \t]{0,3}[:：]?)?[ \t*_]{0,4}\n\s{0,40}(?:[-=]{3,80}\s{0,40})?", re.I
)
_DISPLAYED = re.compile(
    r"\\\[(.{1,500}?)\\\]|\$\$(.{1,500}?)\$\$|\\\((.{1,500}?)\\\)"
    r"|\\begin\{(?:equation|align|gather|displaymath)\*?\}(.{1,500}?)\\end\{",
    re.S,
)
_SENTENCE = re.compile(r"(?:\(?[A-J]\)?\.[ ])?[^\n]{1,500}?(?=[.。!][*_]{0,3}\s|[.。]?[ \t*_]{0,9}$)", re.M)
_REASON = re.compile(
    r"[\s,;(—-]{1,4}\b(?:because|since|which|so that|therefore|i hope|meaning|according|where (?=we|the|it)|"
    r"as (?=the|it|we|shown|required|desired|needed|expected|claimed|above|stated)|"
    r"or (?=approx|about|roughly|equivalently)|"
    r"and (?=this|that|it|we|the|not)|not (?=\$?\d)|rather than|instead of|but|due to|by (?=the|using))\b.*"
    r"|[,;]\s{1,3}(?:as|so|this)\b.*|\s{1,3}\((?:since|because|as|from|see)\b.*",
    re.I | re.S,
)
_NO_ANSWER = re.compile(
    r"(?:not|correct|incorrect|wrong|verified|right|unclear|that|given|found|obtained|as follows|indeed|consistent|"
    r"confirmed|yes,|known|unknown to|in the|based|still|to)\b(?!\s{0,3}$)|(?:correct|verified|unclear|wrong|incorrect|"
    r"confirmed|consistent)\b",
    re.I,
)
# Words behind a number and its unit in a line "#### 72 clips, altogether".
_REMARK = re.compile(r"(?<=[\w%.])\s*,\s+[a-z][a-z ]*[.!]?\s*$|(?<=\d)!+\s*$")
# Where a text goes on with a problem of its own.
_NEXT_PROBLEM = re.compile(
    r"\n\s{0,20}(?:[#*_]{0,4}\s?)?(?:Question|Problem|Q|Instruction|Human|User|Input)(?:\s\d{1,3})?[*_]{0,3}\s?[:：]|<\|(?:im_end|endoftext|eot_id)\|>"
)
_CHOSEN = re.compile(r"\b(?:[Oo]ption|[Cc]hoice)\s(\(?[A-J]\)?)\sis\s(?:the\s)?(?:correct|right|best)\b")
_BULLET = re.compile(r"[-•*]\s{1,3}")
_BOLD = re.compile(r"\*\*[ \t]{0,3}([^*\n]{1,80}?)[ \t]{0,3}\*\*")
_NUMBERLIKE = re.compile(r"[-+]?[\\$€£]{0,2}[-+]?\d[\d,]*(?:\.\d+)?(?:\s?/\s?\d+)?\s?(?:\\?%|\\?\$)?")
_EXCLAIMED = re.compile(r"^([(\[]?-?\d[\d,.]*[)\]]?)!+$")  # "The answer is 42!" is no factorial
_UNIT_BEHIND = re.compile(r"(?:[ \t]{0,2}(?:[A-Za-z]{1,14}|/|\\?%|\^\d|°[CF]?)){1,4}[.]?")
_OPTIONS_FOLLOW = re.compile(r"^[ \t]{0,9}B[.:)]", re.M)
_MOST_STATEMENTS = 20
_LONGEST_SHORT = 60
_MARKS = "*_` \t"
_FENCES = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"))


def extract_answer(completion: str) -> str | None:
    r"""The final answer of a completion.

    Looks for the last ``\boxed{…}``, or several in one statement; then the last ``<answer>``, the last
    line such as ``#### 7`` (GSM8K) or ``#7`` (the lab; a heading has a space there), then "the answer
    is …", "Answer: …", a heading "Final Answer" and what stands below it, or 答案：. An answer that is
    named so behind the last box, as a letter or a number, is the final one. A box that is cut off is no answer.

    Returns
    -------
    str or None
        None: no answer found.

    Examples
    --------
    >>> extract_answer(r"The roots are \boxed{3}, \boxed{5}, and \boxed{7}.")
    '3, 5, 7'
    >>> extract_answer("**Final Answer**\n\\[12\\]")
    '12'
    """
    thoughts = list(_THOUGHT.finditer(completion))
    if thoughts and (found := _first_final(completion[thoughts[-1].end() :])) is not None:
        return found
    return _first_final(completion)


def _first_final(text: str) -> str | None:
    """The answer of a text before it goes on with a problem of its own, if it has one there."""
    ahead = _NEXT_PROBLEM.search(text) if not _NEXT_PROBLEM.match("\n" + text) else None
    found = _final(text[: ahead.start()]) if ahead is not None else None
    return found if found is not None else _final(text)


def _final(text: str) -> str | None:
    if boxes := list(_BOXED.finditer(text)):
        while len(boxes) > 1 and _EMPTY_BOX.match(text, boxes[-1].start()):
            boxes.pop()
        return _of_boxes(text, boxes)
    if tags := list(_TAG.finditer(text)):
        tagged = _TAGGED.match(text, tags[-1].end())
        inner = tagged[1].strip() if tagged else ""
        return _final(inner) or _unwrapped(inner) if inner else None
    if hashed := _HASH.findall(text):
        return _REMARK.sub("", str(hashed[-1])).strip()
    if found := _stated(text, 0) or _bold_at_the_end(text):
        return found
    chosen = _CHOSEN.findall(text)
    return str(chosen[-1]) if chosen else None


def _of_boxes(text: str, boxes: list[re.Match[str]]) -> str | None:
    """The last box and those of the same statement, or what is named behind it in so many words."""
    end, found = _box(text, boxes[-1])
    if found is None:
        return None
    later = _stated(text, end, short=True)
    if later is not None:
        return later
    contents = [found]
    begin = boxes[-1].start()
    for box in reversed(boxes[:-1][-16:]):
        before, content = _box(text, box)
        if content is None or before > begin or not _BETWEEN.fullmatch(text, before, begin):
            break
        contents.insert(0, content)
        begin = box.start()
    return ", ".join(dict.fromkeys(contents))


def _box(text: str, box: re.Match[str]) -> tuple[int, str | None]:
    """Where a box ends and what it holds; None: it is empty or cut off."""
    if box[0].endswith("{"):
        return _until_closed(text, box.end())
    bare = _UNBRACED.match(text, box.end())
    if bare is None:
        return box.end(), None
    return bare.end(), bare[0].rstrip(".,;:!)") or None


def _stated(text: str, begin: int, *, short: bool = False) -> str | None:
    """What the last statement about the answer says; `short`: only a letter, a number or mathematics."""
    for named in reversed(list(_NAMED.finditer(text, begin))[-_MOST_STATEMENTS:]):
        last = named[0].split()[-1]
        place = (
            named.end() - len(last.lstrip("*#"))
            if last.lower().lstrip("*#") in ("option", "choice", "result")
            else named.start()
        )
        if named[0].strip() == "A":
            if _OPTIONS_FOLLOW.search(text):
                continue
            place = named.end() - 1
        answer = _said(text, place)
        if answer is None or (named[0].strip() == "A" and len(answer) > _LONGEST_SHORT):
            continue
        if not short or (len(answer) <= _LONGEST_SHORT and _is_short(answer)):
            return answer
    return None


def _said(text: str, place: int) -> str | None:
    """What a statement says that begins with the word "answer"."""
    heading = _HEADING.match(text, place)
    lead = _LEAD.match(text, place)
    if heading is not None and (lead is None or lead.end() <= heading.end()):
        end = heading.end()
    elif lead is not None:
        end = lead.end()
        blank = re.compile(r"[ \t*_]{0,9}\n\s{0,40}").match(text, end)
        end = blank.end() if blank is not None else end
    else:
        return None
    if text[max(0, end - 40) : end].rstrip(" \t").endswith("\n") and (bullet := _BULLET.match(text, end)):
        end = bullet.end()
    start = re.compile(r"[*_`\s]{0,9}").match(text, end)
    end = start.end() if start is not None else end
    if displayed := _DISPLAYED.match(text, end):
        inner = next(group for group in displayed.groups() if group is not None).strip()
        behind = text[displayed.end() : displayed.end() + 60]
        return _with_unit(inner, behind) or None
    sentence = _SENTENCE.match(text, end)
    if sentence is None:
        return None
    if _NO_ANSWER.match(sentence[0]):
        return None
    return _unwrapped(_REASON.sub("", sentence[0], count=1))


def _unwrapped(statement: str) -> str | None:
    """A stated answer without emphasis, quotes, mathematics' fences and its full stop."""
    text = _EXCLAIMED.sub(r"\1", statement.strip(_MARKS).rstrip(".。").strip(_MARKS))
    if len(text) > 1 and text[0] in "\"'“" and (end := text.find({"“": "”"}.get(text[0], text[0]), 1)) > 0:
        text = text[1:end]
    text = text.rstrip("}") if text.count("}") > text.count("{") else text
    if "**" in text and (bold := re.match(r"([^*]{1,80})\*\*(.*)", text, re.S)):
        text = _with_unit(bold[1].strip(_MARKS), bold[2])
    for opening, closing in _FENCES:
        if text.startswith(opening) and (end := _end_of_fence(text, opening, closing)) > len(opening):
            inner, behind = text[len(opening) : end], text[end + len(closing) :]
            if opening == "$" and _NUMBERLIKE.fullmatch(inner.strip()) is None and behind.count("$") % 2:
                continue
            if not behind.strip(" .,") or not re.search(r"[$\\]|^\s*(?:and|or|,)\s", behind):
                return _with_unit(inner.strip(), behind) or None
    if text.count("$") == 1:  # the fence that the expression above cut, or a price
        text = text.removesuffix("$") if text.endswith("$") else text
    return text.strip() or None


def _end_of_fence(text: str, opening: str, closing: str) -> int:
    """Where a fence closes; a price's sign in it does not."""
    end = text.find(closing, len(opening))
    while opening == "$" and end > 0 and text[end - 1] == "\\":
        end = text.find(closing, end + 1)
    return end


def _with_unit(inner: str, behind: str) -> str:
    """What stood in fences or in bold, with the unit that stands behind it."""
    rest = behind.split("\n")[0]
    if inner and rest.strip(" .") and _UNIT_BEHIND.fullmatch(rest.rstrip(" .")):
        words = rest.split()
        if not {"is", "are", "and", "or", "as", "in", "for", "so", "the", "to", "we"} & {
            word.lower() for word in words
        }:
            return inner + rest.rstrip(" .")
    return inner


def _is_short(answer: str) -> bool:
    """Whether it is a letter of a choice, a number, or mathematics, and not the beginning of a sentence."""
    return bool(
        re.fullmatch(r"\(?[A-J]\)?(?:[.):]\s.*)?|(?:option|choice)\s\(?[A-J]\)?", answer, re.I)
        or re.match(r"[-+$\\(\[{]*(?:\d|\\[a-z]+|[a-zA-Z]\s*=)", answer)
    )


def _bold_at_the_end(text: str) -> str | None:
    """A number in bold in the last line, where nothing else is said."""
    last = text.rstrip()[-400:].rpartition("\n")[2]
    for bold in reversed(_BOLD.findall(last)):
        answer = _unwrapped(bold)
        if answer and (
            _NUMBERLIKE.fullmatch(answer) or (re.fullmatch(r"\(?[A-J]\)?", answer) and last.startswith("**"))
        ):
            return answer
    return None


def _until_closed(text: str, begin: int) -> tuple[int, str | None]:
    """The end of the brace before `begin` and the text up to it; None: empty, or cut before it."""
    depth, position = 1, begin
    while position < len(text):
        if text[position] == "\\":  # "\{" is a sign, not a brace
            position += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1, text[begin:position].strip() or None
        position += 1
    return len(text), None
