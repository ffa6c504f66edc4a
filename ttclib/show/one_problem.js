// Pictures of one problem that stand side by side become one stage beside their words: what is read decides what is
// shown. All pictures have the same dots in the same order, so that a dot changes from one to the next.
function tellOne(told) {
  const steps = [...told.querySelectorAll("li")];
  const scenes = steps.map((step) => step.querySelector("svg"));
  const stage = document.createElement("div");
  stage.className = "stage";
  const picture = scenes[0].cloneNode(true);
  const buttons = document.createElement("div");
  buttons.className = "steps";
  const [back, place, on] = ["button", "span", "button"].map((kind) => buttons.appendChild(document.createElement(kind)));
  [back.textContent, on.textContent] = ["←", "→"];
  back.setAttribute("aria-label", "The step before");
  on.setAttribute("aria-label", "The next step");
  stage.append(picture, buttons);
  told.prepend(stage);
  told.classList.add("moving");

  let now = -1;
  const show = (at) => {
    if (at === now) return;
    now = at;
    steps.forEach((step, number) => step.classList.toggle("now", number === at));
    const rows = scenes[at].querySelectorAll("g.row");
    picture.querySelectorAll("g.row").forEach((row, number) => {
      const wanted = rows[number];
      row.classList.toggle("gone", !wanted);
      if (!wanted) return;
      row.setAttribute("class", wanted.getAttribute("class"));
      const dots = wanted.querySelectorAll("circle");
      row.querySelectorAll("circle").forEach((dot, which) => {
        dot.setAttribute("r", dots[which].getAttribute("r"));
      });
    });
    picture.querySelector("g.extra").replaceWith(scenes[at].querySelector("g.extra").cloneNode(true));
    picture.setAttribute("aria-label", scenes[at].getAttribute("aria-label"));
    place.textContent = `${at + 1} of ${steps.length}`;
    [back.disabled, on.disabled] = [at === 0, at === steps.length - 1];
  };
  const go = (by) => {
    const at = Math.min(steps.length - 1, Math.max(0, now + by));
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    steps[at].scrollIntoView({ behavior: calm ? "auto" : "smooth", block: narrow() ? "end" : "center" });
    show(at);
  };
  const narrow = () => matchMedia("(max-width: 640px)").matches;
  back.addEventListener("click", () => go(-1));
  on.addEventListener("click", () => go(1));
  show(0);
  // The step that a line across the screen lies in; where the stage is above the words, a lower line.
  const across = narrow() ? "-78% 0px -21% 0px" : "-40% 0px -59% 0px";
  const seen = new IntersectionObserver(
    (entries) => entries.filter((one) => one.isIntersecting).forEach((one) => show(steps.indexOf(one.target))),
    { rootMargin: across },
  );
  steps.forEach((step) => seen.observe(step));
  return () => seen.disconnect();
}
