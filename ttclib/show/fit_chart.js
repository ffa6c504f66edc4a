// A chart's spec made for the place that it is drawn in: as wide as the place, on light or on dark. Panels stand side
// by side as they find room; where lines are named beside a plot that is narrow, a legend below names them instead.
const NARROW = 520;
function isDark() {
  const lab = document.body.dataset.jpThemeLight; // JupyterLab says it itself
  return lab === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : lab === "false";
}
function fitChart(spec, width, dark) {
  const made = structuredClone(spec);
  for (const param of made.params ?? []) if (param.name === "dark") param.value = dark;
  const wrap = (line, chars) => {
    const lines = [""];
    for (const word of line.split(" ")) {
      const last = lines[lines.length - 1];
      if (last && last.length + word.length + 1 > chars) lines.push(word);
      else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines;
  };
  if (made.title?.text) {
    if (width < NARROW) made.title.frame = "bounds";
    const beside = made.title.frame === "bounds" ? 36 : 84;
    const text = wrap([made.title.text].flat().join(" "), Math.floor((width - beside) / 10.5));
    made.title.text = text.length > 1 ? text : text[0];
    if (made.title.subtitle)
      made.title.subtitle = [made.title.subtitle].flat().flatMap((line) => wrap(line, Math.floor((width - beside) / 7.1)));
  }
  const layers = (node) => [node, ...[node.layer, node.vconcat, node.spec].flat().filter(Boolean).flatMap(layers)];
  const every = layers(made);
  const names = every.filter((node) => node.encoding?.text?.field === "end_label");
  const beside = names.length > 0 && width >= NARROW;
  if (width < NARROW) {
    for (const node of every) {
      if (node.layer && names.length) node.layer = node.layer.filter((one) => !isNaming(one));
      for (const channel of ["color", "shape"]) {
        const found = node.encoding?.[channel];
        if (found?.legend === null && names.length && ["name", "panel"].includes(found.field))
          found.legend = { orient: "bottom", title: null, columns: 2, symbolOpacity: 1, symbolStrokeWidth: 0 };
      }
    }
  }
  const padding = 24;
  // Names of rows on the axis take room that the plot does not have.
  const ordered = every.map((node) => node.encoding?.y).filter((y) => y?.type === "nominal" && Array.isArray(y.sort));
  const named = 24 + 7.2 * Math.max(0, ...ordered.flatMap((y) => y.sort).map((name) => Math.max(...String(name).split("|").map((part) => part.length))));
  const rows = Object.values(made.datasets ?? {}).flat();
  const label = beside ? 28 + 8 * Math.max(0, ...rows.map((row) => row.end_label?.length ?? 0)) : 0;
  if (made.facet) {
    const [panel, spacing, axis] = [made.spec.width, made.spacing ?? 20, Math.max(76, named)];
    const room = width - padding - axis;
    made.columns = Math.max(1, Math.min(made.columns, Math.floor((room + spacing) / (panel + label + spacing))));
    if (made.columns === 1) made.spec.width = Math.max(120, Math.min(room - label, 2 * panel));
  } else if (made.vconcat) {
    const room = width - padding - 76 - label;
    for (const part of made.vconcat) part.width = Math.max(120, Math.min(part.width, room));
  } else {
    made.width = "container";
    made.autosize = { type: "fit-x", contains: "padding" };
  }
  // A legend below the plot in as many columns as find room there.
  const across = made.facet
    ? made.columns * made.spec.width + (made.columns - 1) * (made.spacing ?? 20)
    : (made.vconcat?.[0].width ?? width - padding - Math.max(90, named));
  for (const { encoding } of every)
    for (const channel of ["color", "shape", "strokeDash"]) {
      const { legend, scale } = encoding?.[channel] ?? {};
      const longest = Math.max(0, ...(scale?.domain ?? []).map((name) => String(name).length));
      if (legend) legend.columns = Math.max(1, Math.min(legend.columns ?? 4, Math.floor(across / (longest * 7.4 + 34))));
    }
  const inside = made.facet ? made.spec.width : width - padding - Math.max(90, named);
  for (const node of every)
    if (typeof node.encoding?.x?.title === "string") node.encoding.x.title = wrap(node.encoding.x.title, Math.floor(inside / 7.4));
  return made;
}
// The name of a line beside the plot, or the thin line that leads to it.
function isNaming(layer) {
  const of = layer.encoding ?? {};
  return of.text?.field === "end_label" || (layer.mark?.type === "rule" && of.y2?.field === "label_height");
}
