// What is wrong with a page as it stands in the browser: texts that are cut off, small or pale, and lines that are.
() => {
  const LEAST_PX = 11;
  const onPaper = matchMedia("print").matches;
  const faults = new Set();
  const say = (what, of) => faults.add(`${what}: ${of.trim().slice(0, 60)}`);
  const visible = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });

  const numbers = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const laid = (color, paper, share) => color.slice(0, 3).map((part, at) => part * share + paper[at] * (1 - share));
  // The paper behind an element, and a colour laid on it as pale as the elements around it make it.
  const paperOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(at).backgroundColor);
      if (r === undefined || alpha === 0) continue;
      layers.push([[r, g, b], alpha]);
      if (alpha === 1) break;
    }
    return layers.reduceRight((below, [color, alpha]) => laid(color, below, alpha), [255, 255, 255]);
  };
  const paleness = (element) => {
    let share = 1;
    for (let at = element; at; at = at.parentElement) share *= Number(getComputedStyle(at).opacity);
    return share;
  };

  if (document.documentElement.scrollWidth > innerWidth + 1) say("wider than the window", String(document.documentElement.scrollWidth));

  for (const svg of document.querySelectorAll("svg")) {
    if (!visible(svg) || svg.closest("button, a")) continue;
    const whole = svg.getBoundingClientRect();
    const paper = paperOf(svg);
    const cells = [...svg.querySelectorAll(".mark-rect path")].map((one) => one.getBoundingClientRect());
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      const style = getComputedStyle(text);
      if (!text.textContent.trim() || !box.width || style.opacity === "0" || !visible(text)) continue;
      const cut = box.left < whole.left - 1 || box.right > whole.right + 1 || box.top < whole.top - 2 || box.bottom > whole.bottom + 2;
      if (cut) say("cut off", text.textContent);
      const size = onPaper ? LEAST_PX : parseFloat(style.fontSize) * text.getScreenCTM().a;
      if (Math.abs(text.getScreenCTM().b) < 1e-6 && size < LEAST_PX - 0.05) say(`${size.toFixed(1)} px`, text.textContent);
      const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      const within = ({ left, right, top, bottom }) => left <= middle[0] && middle[0] <= right && top <= middle[1] && middle[1] <= bottom;
      const halo = style.stroke !== "none"; // in the paper's colour, behind a text
      if (halo || cells.some(within)) continue;
      const found = contrast(laid(numbers(style.fill), paper, 1), paper);
      if (found < 4.45) say(`contrast ${found.toFixed(2)}`, text.textContent);
    }
    for (const line of svg.querySelectorAll(".mark-line path, .mark-symbol.role-mark path")) {
      const style = getComputedStyle(line);
      const drawn = [style.stroke, style.fill].find((one) => one !== "none" && numbers(one).length);
      if (!drawn || Number(style.opacity) < 0.5 || Number(style.strokeOpacity) < 0.5) continue;
      const found = contrast(numbers(drawn), paper);
      if (found < 2.95 && found > 1.05) say(`line of contrast ${found.toFixed(2)}`, drawn);
    }
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const said = walker.currentNode.textContent;
    if (!said.trim() || element.closest("svg, script, style, option, math, noscript") || !visible(element)) continue;
    const style = getComputedStyle(element);
    if (parseFloat(style.fontSize) < LEAST_PX) say(`${style.fontSize}`, said);
    const paper = paperOf(element);
    const found = contrast(laid(numbers(style.color), paper, paleness(element)), paper);
    if (found < 4.45) say(`contrast ${found.toFixed(2)}`, said);
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const box = range.getBoundingClientRect();
    let scrolls = false;
    for (let at = element; at && !scrolls; at = at.parentElement) {
      const { overflowX } = getComputedStyle(at);
      const outer = at.getBoundingClientRect();
      scrolls = !onPaper && (overflowX === "auto" || overflowX === "scroll"); // paper does not scroll
      if (overflowX === "hidden" && (box.right > outer.right + 1 || box.left < outer.left - 1)) say("cut off", said);
    }
    if (!scrolls && (box.right > innerWidth + 1 || box.left < -1)) say("beyond the window", said);
  }
  return [...faults];
}
