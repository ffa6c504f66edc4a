// Draws a Vega-Lite spec and keeps the drawing. A new spec is drawn aside and put in place when it
// is ready, so nothing flickers; signals and rows are set in the drawing that stands. Of what arrives while
// a drawing is being made only the latest counts. `vegaEmbed` comes from the bundle before this text.
async function render({ model, el }) {
  let view = null;
  let shown = null;
  let drawing = false;
  let wanted = false;

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
        const made = await globalThis.ttclibVegaEmbed(aside, structuredClone(model.get("spec")), {
          actions: false,
          renderer: "svg",
        });
        view?.finalize();
        view = made.view;
        shown = null;
        await move();
        el.replaceChildren(aside);
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
  return () => view?.finalize();
}
export default { render };
