// The spec of a chart from what a page carries of it: datasets stand there column by column, each value once.
function unpackChart(text) {
  const { spec, datasets } = JSON.parse(text);
  spec.datasets = {};
  for (const [name, { n, columns }] of Object.entries(datasets)) {
    const rows = Array.from({ length: n }, () => ({}));
    for (const [field, [values, places]] of Object.entries(columns))
      places.forEach((place, row) => place >= 0 && (rows[row][field] = values[place]));
    spec.datasets[name] = rows;
  }
  return spec;
}
