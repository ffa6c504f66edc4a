// Draws a Vega-Lite spec and keeps the drawing. A new spec is drawn aside and put in place when it
// is ready, so nothing flickers; signals and rows are set in the drawing that stands. Of what arrives while
// a drawing is being made only the latest counts. `vegaEmbed` and `fitChart` come from the texts before this one.
async function render({ model, el }) {
  let view = null;
  let shown = null;
  let drawing = false;
  let wanted = false;
  let width = 0;

  const complain = (error) => {
    el.replaceChildren();
    const line = document.createElement("pre");
    line.setAttribute("role", "alert");
    line.textContent = "The chart could not be drawn: " + (error.message ?? error);
    el.append(line);
    console.error(error);
  };
  const move = async () => {
    if (!view) return;
    const rows = model.get("rows");
    if (rows !== shown) {
      // Vega marks the objects that it is given.
      if (rows) view.data("rows", structuredClone(rows));
      shown = rows;
    }
    for (const [name, value] of Object.entries(model.get("signals"))) view.signal(name, value);
    await view.runAsync();
  };
  const draw = async () => {
    wanted = true;
    if (drawing) return;
    drawing = true;
    try {
      while (wanted) {
        wanted = false;
        const aside = document.createElement("div");
        aside.style.width = "100%";
        width = el.clientWidth || 800;
        const made = await globalThis.ttclibVegaEmbed(aside, fitChart(model.get("spec"), width, isDark()), {
          actions: false,
          renderer: "svg",
        });
        view?.finalize();
        view = made.view;
        shown = null;
        await move();
        el.replaceChildren(aside);
        window.dispatchEvent(new Event("resize")); // by which a chart as wide as its place learns how wide that is
      }
    } catch (error) {
      complain(error);
    } finally {
      drawing = false;
    }
  };
  model.on("change:spec", draw);
  model.on("change:signals change:rows", () => move().catch(complain));
  await draw();
  const resized = new ResizeObserver(() => Math.abs(el.clientWidth - width) > 24 && draw());
  resized.observe(el);
  const themed = new MutationObserver(draw);
  themed.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  return () => {
    resized.disconnect();
    themed.disconnect();
    view?.finalize();
  };
}
export default { render };
