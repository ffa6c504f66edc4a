// One selection for all charts and tables of a page or a notebook: a difficulty bin, or a problem with its bin. A click
// in one chart or on a row, or a bin chosen from a list, is passed to the others: to charts as signals, to rows that
// carry `data-problem` or `data-bin` as a class. A line says what is selected, clears it, and leads to its samples: to
// the page `samples` where the page stands in a suite, or as `hint` says. `root` holds what is linked, `bar` the line.
function linkViews(root, { bar = root, samples = "", suite = "", hint = null } = {}) {
  const views = new Map(); // each view, and the bins that its list offers
  const heard = new WeakSet(); // views whose clicks are heard
  const asked = new URLSearchParams(suite ? location.hash.slice(1) : "");
  let bin = Number(asked.get("bin")) || 0;
  let problem = asked.get("problem") ?? "";

  const line = document.createElement("div");
  line.className = "ttc-linked";
  line.setAttribute("role", "status");
  const said = document.createElement("span");
  const lead = document.createElement("a");
  lead.textContent = "its samples";
  const clear = document.createElement("button");
  clear.textContent = "×";
  clear.setAttribute("aria-label", "Clear the selection");
  clear.addEventListener("click", () => select(0, ""));
  root.ownerDocument.addEventListener("keydown", (event) => event.key === "Escape" && select(0, ""));
  line.append(said, lead, clear);
  bar.prepend(line);

  // A row is of its own bin and problem; one that names neither, such as of all problems, stays as it is.
  const markRows = () => {
    for (const one of root.querySelectorAll("[data-problem], [data-bin]")) {
      const { problem: own, bin: its } = one.dataset;
      const other = (problem && own && own !== problem) || (bin && its && Number(its) !== bin);
      one.classList.toggle("ttc-unlinked", Boolean(other));
    }
  };
  const say = () => {
    line.hidden = !bin && !problem;
    said.textContent = [problem && `problem ${problem}`, bin && `bin ${bin}`].filter(Boolean).join(", ");
    if (hint) {
      lead.hidden = !problem;
      lead.textContent = hint(problem);
    } else {
      lead.hidden = !samples || !asked.has(suite.slice(1));
      const key = new URLSearchParams(problem ? { problem } : { bin });
      lead.href = `${encodeURIComponent(samples)}#${key}&${suite.slice(1)}`;
    }
    markRows();
  };
  const move = (view) => {
    view.signal("bin_linked", bin).signal("problem_linked", problem);
    if (views.get(view).has(bin)) view.signal("bin_now", bin);
    return view.runAsync();
  };
  const select = (itsBin, itsProblem) => {
    if (itsBin === bin && itsProblem === problem) return;
    [bin, problem] = [itsBin, itsProblem];
    say();
    for (const view of views.keys()) {
      if (!bin) unpick(view);
      move(view).catch(console.error);
    }
  };
  // A second click on what is selected clears it.
  const choose = (itsBin, itsProblem) =>
    itsBin === bin && itsProblem === problem ? select(0, "") : select(itsBin, itsProblem);
  // What a legend of bins has singled out is given up with the rest.
  const unpick = (view) => {
    const picked = view.getState({ data: (name) => name === "picked_store", signals: () => false }).data?.picked_store;
    if (picked?.some((one) => one.fields?.some(({ field }) => field === "panel"))) view.data("picked_store", []);
  };
  // The bin that a mark, a panel or a word of a legend stands for.
  const binOf = (datum) => {
    if (Number.isInteger(datum.bin)) return datum.bin;
    return Number(/^bin (\d+)\b/.exec(datum.panel ?? datum.value ?? "")?.[1] ?? 0);
  };
  const clicked = (event, item) => {
    for (let at = item; at; at = at.mark?.group) {
      const datum = at.datum ?? {};
      const [itsBin, itsProblem] = [binOf(datum), datum.problem_id ?? ""];
      if (itsBin || itsProblem) return choose(itsBin, itsProblem);
    }
  };
  root.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-problem], tr[data-bin]");
    if (row && root.contains(row) && !event.target.closest("a, button"))
      choose(Number(row.dataset.bin) || 0, row.dataset.problem ?? "");
  });
  say();
  return {
    // A drawing takes another's place; `place` holds it and its lists.
    change(old, view, place) {
      views.delete(old);
      const list = place.querySelector('select[name="bin_now"]');
      views.set(view, new Set([...(list?.options ?? [])].map((one) => Number(one.value))));
      if (bin || problem) move(view).catch(console.error);
      if (heard.has(view)) return;
      heard.add(view);
      view.addEventListener("click", clicked);
      if (list) view.addSignalListener("bin_now", (name, value) => value !== bin && select(value, ""));
    },
    // What is there now, of a page that changes: views with their places.
    refresh(there) {
      for (const view of views.keys()) if (!there.has(view)) views.delete(view);
      for (const [view, place] of there) if (!views.has(view)) this.change(null, view, place);
      markRows();
    },
  };
}
// The same in JupyterLab, for each notebook that is open there. Its charts are drawn by JupyterLab or by a widget, which
// hand out no view; but what is drawn knows the view that it belongs to.
function linkNotebooks(style) {
  if (globalThis.ttclibLinked) return;
  globalThis.ttclibLinked = true;
  document.head.appendChild(document.createElement("style")).textContent = style;
  const known = new WeakMap(); // the links of each notebook
  const viewOf = (svg) => {
    for (const node of svg.querySelectorAll("path.background")) {
      const view = node.__data__?.context?.dataflow;
      if (view) return view;
    }
  };
  const ours = (view) => {
    try {
      return view.signal("bin_linked") !== undefined;
    } catch {
      return false; // a chart that knows of no selection
    }
  };
  const look = () => {
    for (const root of document.querySelectorAll(".jp-NotebookPanel")) {
      if (!known.has(root)) {
        const hint = (problem) => `in 08_samples: problem = "${problem}"`;
        known.set(root, linkViews(root, { hint }));
      }
      const there = new Map();
      for (const svg of root.querySelectorAll(".vega-embed svg.marks")) {
        const view = viewOf(svg);
        if (view && ours(view)) there.set(view, svg.closest(".vega-embed"));
      }
      known.get(root).refresh(there);
    }
  };
  let waiting = 0;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 200);
  };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  soon();
}
