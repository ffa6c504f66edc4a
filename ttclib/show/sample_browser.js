// Samples browsed without a kernel: `ttclibBrowse(root, inPage)` makes a browser of an element that holds its data as
// JSON. All texts are a stranger's: they become text nodes, and formulas elements of MathML that are named below.
function ttclibBrowse(root, inPage) {
  const MATHML = "http://www.w3.org/1998/Math/MathML";
  const ROWS = 150; // of the list, at first and with every "more"
  const GRADES = { 1: ["✓", "right"], 0: ["✗", "wrong"], null: ["–", "not graded"] };
  const SORTS = {
    mixed: ["mixed", () => 0],
    high: ["highest score first", (one) => -(one.s ?? -1)],
    low: ["lowest score first", (one) => one.s ?? 2],
    long: ["longest first", (one) => -(one.t ?? -1)],
    short: ["shortest first", (one) => one.t ?? Infinity],
    often: ["most repeated first", (one) => -one.n],
    name: ["by problem", (one) => one.p],
  };
  const data = JSON.parse(root.querySelector("script").textContent);
  const { problems, samples } = data;
  const formula = new RegExp(data.formula, "g");
  const number = (value) => value.toLocaleString("en");
  const made = (name, attributes = {}, ...parts) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== false) element.setAttribute(key, value === true ? "" : value);
    element.append(...parts.filter((part) => part !== null && part !== ""));
    return element;
  };
  const mathml = (tree) => {
    if (typeof tree === "string") return document.createTextNode(tree);
    const element = document.createElementNS(MATHML, tree[0]);
    for (const [key, value] of Object.entries(tree[1])) element.setAttribute(key, value);
    element.append(...tree[2].map(mathml));
    return element;
  };
  // A text with its formulas drawn; one that is not known stays as it is written.
  const shown = (text) => {
    const parts = [];
    let end = 0;
    for (const hit of text.matchAll(formula)) {
      const latex = hit.slice(1).find((part) => part !== undefined).trim();
      const tree = Object.hasOwn(data.formulas, latex) ? data.formulas[latex] : null;
      if (!tree) continue;
      const math = document.createElementNS(MATHML, "math");
      math.setAttribute("display", hit[1] !== undefined || hit[2] !== undefined ? "block" : "inline");
      math.setAttribute("title", latex);
      math.append(mathml(tree));
      parts.push(text.slice(end, hit.index), math);
      end = hit.index + hit[0].length;
    }
    return [...parts, text.slice(end)];
  };
  const colored = (element, score) => {
    if (score === null || score === undefined) return element;
    const far = Math.min(1, Math.max(0, score)) * 2 - 1;
    element.style.backgroundColor = `rgba(${far < 0 ? "213, 94, 0" : "0, 114, 178"}, ${(Math.abs(far) * 0.5).toFixed(3)})`;
    return element;
  };
  // Ids that begin alike are told by their ends, for which there is room.
  const [first = "", ...ids] = problems.map(({ id }) => id);
  let same = ids.length ? first.length : 0;
  for (const other of ids) while (!other.startsWith(first.slice(0, same))) same -= 1;
  const alike = first.slice(0, same).search(/[^A-Za-z0-9][A-Za-z0-9]*$/) + 1;
  const ending = (id) => (alike > 9 ? `…${id.slice(alike)}` : id);
  const plainly = (one) => [one.a ?? "", problems[one.p].id, problems[one.p].prompt ?? "", ...one.x].join("\n").toLowerCase();
  const texts = samples.map(() => null); // lower case, made when something is looked for

  // What is chosen, and what chooses it.
  const fresh = () => ({ text: "", problem: "", bin: "", correct: "", from: "", to: "", shortest: "", longest: "", marked: "", sort: "mixed" });
  let state = fresh();
  let found = [];
  let at = 0;
  let n_rows = ROWS;
  const listed = (key, name, choices) => {
    const select = made("select", { "aria-label": name }, ...choices.map(([value, label]) => made("option", { value }, label)));
    select.addEventListener("change", () => choose({ [key]: select.value }));
    inputs[key] = select;
    return made("label", {}, name, select);
  };
  const typed = (key, label, attributes) => {
    const input = made("input", { "aria-label": label, ...attributes });
    input.addEventListener("input", () => choose({ [key]: input.value }));
    inputs[key] = input;
    return input;
  };
  const between = (name, low, high, step, ...keys) =>
    made("span", { class: "between", role: "group", "aria-label": name }, name,
      typed(keys[0], `${name} from`, { type: "number", step, placeholder: low }), "–",
      typed(keys[1], `${name} to`, { type: "number", step, placeholder: high }));
  const inputs = {};
  const known = (key) => samples.map((one) => one[key]).filter((value) => value !== null && value !== undefined);
  const [scores, tokens] = [known("s"), known("t")];
  const least = (values) => values.reduce((one, other) => Math.min(one, other), Infinity);
  const most = (values) => values.reduce((one, other) => Math.max(one, other), -Infinity);
  const grades = [1, 0, null].filter((grade) => samples.some((one) => one.c === grade));
  const bin_name = (bin) => `${bin}${bin === 1 ? " (easiest)" : bin === data.bins ? " (hardest)" : ""}`;
  const pressed = (label, change) => {
    const button = made("button", { type: "button" }, label);
    button.addEventListener("click", () => choose({ ...fresh(), ...change }));
    return button;
  };
  const form = made("form", { role: "search" },
    made("div", {},
      made("label", { class: "wide" }, "Search", typed("text", "Search texts, answers and problems", { type: "search", placeholder: "text, answer, problem" })),
      listed("problem", "Problem", [["", `all ${number(problems.length)}`], ...problems.map(({ id }) => [id, id])]),
      data.bins > 1 ? listed("bin", "Bin", [["", "all"], ...Array.from({ length: data.bins }, (_, bin) => [String(bin + 1), bin_name(bin + 1)])]) : null,
      listed("correct", "Answers", [["", "all"], ...grades.map((grade) => [String(grade ?? "none"), GRADES[grade][1]])])),
    made("div", {},
      scores.length ? between("Score", Math.floor(least(scores) * 100) / 100, Math.ceil(most(scores) * 100) / 100, 0.01, "from", "to") : null,
      tokens.length ? between("Tokens", least(tokens), most(tokens), 1, "shortest", "longest") : null,
      listed("sort", "Order", Object.entries(SORTS).filter(([key]) => scores.length || !["high", "low"].includes(key)).map(([key, [label]]) => [key, label]))),
    made("div", { class: "presets" },
      ...(scores.length && grades.includes(0) ? [pressed("wrong, but scored high", { correct: "0", sort: "high" })] : []),
      ...(scores.length && grades.includes(1) ? [pressed("right, but scored low", { correct: "1", sort: "low" })] : []),
      ...(samples.some((one) => one.w !== null) ? [pressed("first wrong step known", { marked: "1" })] : []),
      pressed("all", {})));
  form.addEventListener("submit", (event) => event.preventDefault());

  const status = made("p", { class: "status", role: "status" });
  const list = made("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Samples found" });
  const more = made("button", { type: "button", class: "more" }, "more");
  more.addEventListener("click", () => {
    n_rows += ROWS;
    drawList();
  });
  const detail = made("div", { class: "detail" });
  const id = `ttc-browser-${Math.random().toString(36).slice(2, 8)}`;

  function choose(change, told = true) {
    state = { ...state, ...change };
    for (const [key, input] of Object.entries(inputs)) if (input.value !== state[key]) input.value = state[key];
    const bounds = [state.from, state.to, state.shortest, state.longest].map((value) => (value === "" || isNaN(value) ? null : Number(value)));
    const inside = (value, low, high) => (low === null && high === null) || (value !== null && value !== undefined && value >= (low ?? -Infinity) && value <= (high ?? Infinity));
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    found = samples.map((_, place) => place).filter((place) => {
      const one = samples[place];
      const problem = problems[one.p];
      return (
        (state.problem === "" || problem.id === state.problem) &&
        (state.bin === "" || String(problem.bin) === state.bin) &&
        (state.marked === "" || one.w !== null) &&
        (state.correct === "" || String(one.c ?? "none") === state.correct) &&
        inside(one.s, bounds[0], bounds[1]) &&
        inside(one.t, bounds[2], bounds[3]) &&
        words.every((word) => (texts[place] ??= plainly(one)).includes(word))
      );
    });
    const key = (SORTS[state.sort] ?? SORTS.mixed)[1];
    found.sort((one, other) => key(samples[one]) - key(samples[other]) || one - other);
    [at, n_rows] = [0, ROWS];
    const lost = state.problem !== "" && !problems.some((one) => one.id === state.problem);
    status.textContent = lost
      ? `Problem ${state.problem} is not among the ${number(problems.length)} problems here.`
      : `${number(found.length)} of the ${number(samples.length)} texts here${found.length ? "" : ": none is of this kind"}`;
    drawList();
    drawDetail();
    if (told && inPage) keep();
  }

  function drawList() {
    list.classList.toggle("of-one", state.problem !== "");
    list.replaceChildren(...found.slice(0, n_rows).map((place, row) => {
      const one = samples[place];
      const item = made("div", { class: "row", role: "option", id: `${id}-${row}`, "aria-selected": String(row === at) },
        made("span", { class: `grade g${one.c}` }, GRADES[one.c][0]),
        made("span", { class: "answer" }, one.a ?? "no answer"),
        made("span", { class: "of", title: problems[one.p].id }, ending(problems[one.p].id)),
        made("span", { class: "score" }, one.s === null ? "" : one.s.toFixed(2)),
        made("span", { class: "times" }, one.n > 1 ? `× ${number(one.n)}` : ""));
      colored(item.querySelector(".score"), one.s);
      item.setAttribute("aria-label", `${GRADES[one.c][1]}, answer ${one.a ?? "none"}, ${problems[one.p].id}${one.s === null ? "" : `, score ${one.s.toFixed(2)}`}${one.n > 1 ? `, ${one.n} times` : ""}`);
      item.addEventListener("click", () => go(row));
      return item;
    }));
    more.hidden = found.length <= n_rows;
    more.textContent = `${number(found.length - n_rows)} more`;
    list.setAttribute("aria-activedescendant", found.length ? `${id}-${at}` : "");
  }

  function go(row) {
    if (!found.length) return;
    at = Math.max(0, Math.min(found.length - 1, row));
    if (at >= n_rows) n_rows = at + ROWS;
    if (list.children.length < Math.min(n_rows, found.length)) drawList();
    for (const item of list.querySelectorAll("[aria-selected=true]")) item.setAttribute("aria-selected", "false");
    const item = list.children[at];
    item.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", item.id);
    const [top, bottom] = [item.offsetTop - list.offsetTop, item.offsetTop - list.offsetTop + item.offsetHeight];
    if (top < list.scrollTop) list.scrollTop = top;
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    drawDetail();
  }
  list.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 10, PageUp: at - 10, Home: 0, End: found.length - 1 };
    if (!Object.hasOwn(moves, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(moves[event.key]);
  });

  const facts = (...parts) => made("p", { class: "facts" }, parts.filter(Boolean).join(" · "));
  const told = (one) => (one.graded ? `${number(one.right)} of ${number(one.graded)} samples right` : `${number(one.n)} samples, none graded`);
  function drawDetail() {
    detail.replaceChildren();
    if (!found.length) return;
    const one = samples[found[at]];
    const problem = problems[one.p];
    const others = samples.filter((other) => other.p === one.p).length;
    const all = made("button", { type: "button" }, `all ${number(others)} texts of this problem`);
    all.addEventListener("click", () => choose({ ...fresh(), problem: problem.id }));
    detail.append(
      facts(problem.id, problem.bin === null ? "" : `bin ${bin_name(problem.bin)}`, told(problem), problem.reference === null ? "no reference answer" : `reference answer ${problem.reference}`),
      problem.prompt === null ? "" : made("div", { class: "prompt" }, ...shown(problem.prompt.trim())),
      made("p", { class: "facts own" },
        made("b", { class: `grade g${one.c}` }, `${GRADES[one.c].join(" ")}`), " · ",
        one.a === null ? "no answer" : "answer ", one.a === null ? "" : made("b", {}, one.a),
        ` · sample ${one.i}${one.s === null ? "" : ` · score ${one.s.toFixed(2)}`}${one.t === null ? "" : ` · ${number(one.t)} tokens`}`,
        one.cut ? " · cut at the token limit" : "",
        one.n > 1 ? ` · said by ${number(one.n)} samples` : ""),
      ...one.x.map((text, step) => drawStep(one, text, step)),
      one.w === null && one.c === 0 && one.e ? made("p", { class: "quiet" }, "What was drawn behind these steps does not tell which one is the first wrong one.") : "",
      others > 1 && state.problem !== problem.id ? made("p", {}, all) : "",
      problem.tree ? drawTree(problem) : "");
  }
  function drawStep(one, text, step) {
    const row = made("div", { class: "step" },
      made("span", { class: "score" }, one.v ? one.v[step].toFixed(2) : ""),
      colored(made("div", { class: "text" }, ...shown(text.replace(/\n$/, ""))), one.v?.[step]),
      made("span", { class: "behind" }, one.e ? `${number(one.e[step][1])}/${number(one.e[step][0])}` : ""));
    if (!one.v && !one.e) row.classList.add("plain");
    if (step === one.w) {
      const { graded, right } = problems[one.p];
      const [n, n_right] = step ? one.e[step - 1] : [graded, right];
      const before = `; from before it ${number(n_right)} of ${number(n)} are`;
      row.classList.add("first-wrong");
      row.prepend(made("p", {}, `first wrong step: of ${number(one.e[step][0])} solutions that go on from it none is right${before}`));
    }
    if (one.left?.[0] === step) row.prepend(made("p", {}, `… ${number(one.left[1])} letters are left out here …`));
    return row;
  }
  // A search as an outline: a step that goes on alone stands under the one before it, others are moved in.
  function drawTree({ tree, search }) {
    const children = tree.map(() => []);
    const first = [];
    tree.forEach(([parent], place) => (parent < 0 ? first : children[parent]).push(place));
    const outline = (places, deep) => folded(places).flatMap(([place, times]) => {
      const [, text, score, status, correct] = tree[place];
      const grade = correct === null ? "" : GRADES[correct][0];
      const became = status === "pruned" ? "pruned" : status === "returned" && !children[place].length ? "returned" : "";
      const row = made("div", { class: `step ${status}` },
        made("span", { class: "score" }, score === null ? "" : score.toFixed(2)),
        colored(made("div", { class: "text" }, ...shown(text.replace(/\n$/, ""))), score),
        made("span", { class: "behind" }, [times > 1 ? `× ${times}` : "", grade, became].filter(Boolean).join(" ")));
      row.style.setProperty("--deep", Math.min(deep, 12));
      return [row, ...outline(children[place], deep + (children[place].length > 1 ? 1 : 0))];
    });
    // Steps that say the same, where nothing went on from any, once.
    const folded = (places) => {
      const kinds = new Map();
      for (const place of places) {
        const kind = children[place].length ? place : JSON.stringify(tree[place].slice(1));
        kinds.set(kind, [kinds.get(kind)?.[0] ?? place, (kinds.get(kind)?.[1] ?? 0) + 1]);
      }
      return [...kinds.values()];
    };
    const inside = made("div", { class: "tree" });
    const whole = made("details", {}, made("summary", {}, `The search of this problem: ${search}, ${number(tree.length)} steps`), inside);
    whole.addEventListener("toggle", () => inside.children.length || inside.append(...outline(first, 0)));
    return whole;
  }

  // What is chosen stands in the address, and an address chooses: #problem=…&bin=…&correct=0
  const asked = () => new URLSearchParams(location.hash.slice(1));
  const NAMED = ["problem", "bin", "correct"];
  const GIVEN = { true: "1", right: "1", false: "0", wrong: "0", null: "none" };
  function keep() {
    const params = asked();
    for (const key of NAMED) state[key] === "" ? params.delete(key) : params.set(key, state[key]);
    const kept = String(params).replaceAll(/=(?=&|$)/g, "");
    history.replaceState(history.state, "", kept ? `#${kept}` : location.pathname + location.search);
  }
  function obey() {
    const params = asked();
    if (!NAMED.some((key) => params.has(key))) return false;
    const change = Object.fromEntries(NAMED.map((key) => [key, params.get(key) ?? ""]));
    change.correct = GIVEN[change.correct] ?? change.correct;
    choose({ ...fresh(), ...change }, false);
    root.scrollIntoView();
    return true;
  }
  root.append(form, status, made("div", { class: "panes" }, made("div", { class: "found" }, list, more), detail));
  root.querySelector(".unready")?.remove();
  root.dataset.ready = "yes";
  if (inPage) addEventListener("hashchange", obey);
  if (!(inPage && obey())) choose(data.first ?? {}, false);
}
