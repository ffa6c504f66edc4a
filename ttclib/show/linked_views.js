// One selection for all charts of a page: a difficulty bin, or a problem with its bin. A click in one chart, or a bin
// chosen from its list, is passed to the others as signals; a line at the top says what is selected, clears it, and
// leads to its samples where the page stands in a suite. Elements with `data-problem` or `data-bin` follow, too.
function linkViews(samples, suite) {
  const views = new Map(); // each view, and the bins that its list offers
  const asked = new URLSearchParams(location.hash.slice(1));
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
  document.addEventListener("keydown", (event) => event.key === "Escape" && select(0, ""));
  line.append(said, lead, clear);
  document.querySelector("main").prepend(line);

  const say = () => {
    line.hidden = !bin && !problem;
    said.textContent = [problem && `problem ${problem}`, bin && `bin ${bin}`].filter(Boolean).join(", ");
    lead.hidden = !samples || !asked.has(suite.slice(1));
    const key = new URLSearchParams(problem ? { problem } : { bin });
    lead.href = `${encodeURIComponent(samples)}#${key}&${suite.slice(1)}`;
    for (const one of document.querySelectorAll("[data-problem], [data-bin]")) {
      const { problem: own, bin: its } = one.dataset;
      const other = (problem && own && own !== problem) || (bin && its && Number(its) !== bin);
      one.classList.toggle("ttc-unlinked", Boolean(other));
    }
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
      if (!itsBin && !itsProblem) continue;
      const again = itsBin === bin && itsProblem === problem;
      return again ? select(0, "") : select(itsBin, itsProblem);
    }
  };
  say();
  return {
    // A drawing takes another's place.
    change(old, view, spec) {
      views.delete(old);
      const list = (spec.params ?? []).find((one) => one.name === "bin_now");
      views.set(view, new Set(list?.bind?.options ?? []));
      if (bin || problem) move(view).catch(console.error);
      view.addEventListener("click", clicked);
      if (list) view.addSignalListener("bin_now", (name, value) => value !== bin && select(value, ""));
    },
  };
}
