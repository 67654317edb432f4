// The page's data: events [number, title, phase, line, links, next, back]; stops [event, part, blocks, figure, cell];
// blocks are markup, or rows of signs and figures [markup, array, turned, name, left, right, result];
// links [shapes, [from, to, pattern, holes]]; numbers [shape, texts].
const $ = (id) => document.getElementById(id);
const early = [], wait = (event) => early.push(event);  // keys before the data are there
addEventListener("keydown", wait);
const packed = Uint8Array.from(atob($("data").textContent), (c) => c.charCodeAt(0));
const data = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).json();
const { events, stops, words } = data;
const numbers = data.numbers.map(([shape, texts]) => ({ shape, texts: texts.split(" ") }));
const ROOM = 400, TOGETHER = 1500, SOON = 150;
let at = 0, figures = [], typed = "", typedAt = 0, later = 0;

// --- arrays: places in them, and which cells belong together

const size = (shape) => shape.reduce((all, n) => all * n, 1);
const flat = (shape, cell) => cell.reduce((sum, i, axis) => sum * shape[axis] + i, 0);

function cellAt(shape, index) {
  const cell = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    cell.unshift(index % shape[axis]);
    index = Math.floor(index / shape[axis]);
  }
  return cell;
}

function swapped(list) {
  return [...list.slice(0, -2), list.at(-1), list.at(-2)];
}

// The cell of an array for one of a figure that may show its transpose.
function ofArray(figure, index) {
  if (!figure.turned) return index;
  const shape = data.links[events[stops[at][0]][4]][0][figure.array];
  return flat(shape, swapped(cellAt(swapped(shape), index)));
}

// Whether a cell of the array `to` belongs to one of the array `from`.
function together([shapes, pairs], from, to, source, target) {
  if (from === to) return source === target;
  for (const [a, b, pattern, list] of pairs) {
    if (a !== from || b !== to) continue;
    if (!pattern) return list[source].includes(target);
    if (list?.includes(source)) return false;
    const cell = cellAt(shapes[a], source), place = cellAt(shapes[b], target);
    return pattern.every((axis, n) => axis < 0 || place[n] === cell[axis]);
  }
  return false;
}

// --- cells: the one that is looked at, those that belong to it, and the sum that it is

function light(figure, index) {
  const links = data.links[events[stops[at][0]][4]];
  for (const other of figures) {
    const lit = [];
    other.cells.forEach((cell, n) => {
      const here = other === figure && n === index;
      const belongs = other !== figure && figure.array !== undefined && other.array !== undefined
        && together(links, figure.array, other.array, ofArray(figure, index), ofArray(other, n));
      cell.classList.toggle("here", here);
      cell.classList.toggle("lit", belongs);
      if (here || belongs) lit.push(n);
    });
    other.sum.textContent = lit.length === 1 && other.product.length ? sum(other, lit[0]) : "";
  }
}

function sum({ product: [name, left, right, result] }, index) {
  const [a, b, made] = [numbers[left], numbers[right], numbers[result]];
  const cell = cellAt(made.shape, index), lead = cell.slice(0, -2), [row, column] = cell.slice(-2);
  const along = ({ shape }) => shape.slice(0, -2).map((n, axis, sizes) => n === 1 ? 0 : lead.at(axis - sizes.length));
  const bracketed = (text) => text.startsWith("−") ? `(${text})` : text;
  const count = a.shape.at(-1), terms = [];
  for (let k = 0; k < count; k++) {
    const factors = [a.texts[flat(a.shape, [...along(a), row, k])], b.texts[flat(b.shape, [...along(b), k, column])]];
    terms.push(factors.map(bracketed).join("·"));
  }
  const tail = made.texts[index];
  for (const called of name ? [name, ""] : [""]) {
    const head = `${called}[${cell.join(",")}] = `;
    for (let shown = count; shown > 0; shown--) {
      const rest = shown < count ? [words.more.replace("{count:,}", (count - shown).toLocaleString("en"))] : [];
      const text = `${head}${[...terms.slice(0, shown), ...rest].join(" + ")} = ${tail}`;
      if (text.length <= ROOM) return text;
    }
  }
  return `[${cell.join(",")}] = ${tail}`;
}

function focusOn(figure, index) {
  figure.cells.forEach((cell, n) => { cell.tabIndex = n === index ? 0 : -1; });
  light(figure, index);
  say();
}

// --- what a stop looks like

function markup(block, found) {
  if (typeof block === "string") return block;
  const items = block.map((item) => {
    if (typeof item === "string") return `<code>${item}</code>`;
    const [figure, array, turned, ...product] = item;
    found.push({ array, turned, product });
    return data.figures[figure];
  });
  return `<div class="row">${items.join("")}</div><div></div>`;
}

function show(stop) {
  at = Math.max(0, Math.min(stop, stops.length - 1));
  const [event, part, blocks, first, cell] = stops[at], [number, title, , line] = events[event];
  const html = (b) => Array.isArray(b) ? `<section>${b.map(html).join("")}</section>` : markup(data.blocks[b], figures);
  figures = [];
  $("stop").innerHTML = `<h2></h2>${blocks.map(html).join("")}`;
  $("stop").firstChild.textContent = title;
  $("stop").querySelectorAll("figure").forEach((element, n) => enliven(element, figures[n]));
  $("stop").querySelectorAll("p.formula").forEach((p) => { if (p.scrollWidth > p.clientWidth) p.tabIndex = 0; });
  if (first !== undefined) focusOn(figures[first], cell);
  $("slider").value = event;
  $("place").textContent = `${number}${part ? `.${part}` : ""} / ${events.at(-1)[0]}`;
  [...$("bar").children].forEach((mark, n) => mark.classList.toggle("at", n === event));
  showLine(line);
  if (at > 0) $("about")?.removeAttribute("open");
  remember(`#${number}${part ? `.${part}` : ""}`);
  say();
}

function showLine(line) {
  const program = $("program"), rows = [...program.children];
  rows.forEach((row, n) => row.classList.toggle("at", n + program.start === line));
  const here = rows[line - program.start];
  if (here) program.scrollTop = here.offsetTop - program.offsetTop - program.clientHeight / 2;
}

// A figure's table as a grid of cells that keys and clicks reach.
function enliven(element, figure) {
  const table = element.querySelector("table"), gap = [...element.querySelectorAll("td")];
  figure.element = element;
  figure.sum = document.createElement("p");
  figure.sum.className = "sum";
  element.parentElement.nextElementSibling.append(figure.sum);
  figure.cells = [];
  if (!table) return;
  for (const row of table.rows) {
    [...row.cells].forEach((th) => { if (th.tagName === "TH") th.scope = row === table.rows[0] && table.rows.length > 1 ? "col" : "row"; });
  }
  table.setAttribute("aria-label", element.querySelector("figcaption").textContent);
  figure.cells = gap.filter((td) => td.textContent);
  if (element.querySelector("small")) figure.cells = [];
  if (!figure.cells.length) { element.tabIndex = 0; element.setAttribute("role", "group"); return; }
  table.setAttribute("role", "grid");
  figure.cells.forEach((td, n) => {
    td.tabIndex = n ? -1 : 0;
    td.onclick = () => { focusOn(figure, n); td.focus(); };
    td.onfocus = () => focusOn(figure, n);
  });
}

function say() {
  const sums = figures.map((figure) => figure.sum.textContent).filter(Boolean), [event, part] = stops[at];
  const parts = stops.filter(([of]) => of === event).length - 1;
  const which = part ? [words.part.replace("{part}", part).replace("{of}", parts)] : [];
  $("said").textContent = [events[event][1], ...which, ...sums].join("; ");
}

// --- moving

const whole = (event) => stops.findIndex(([of]) => of === Math.max(0, Math.min(event, events.length - 1)));
const numbered = (number) => Math.max(0, Math.min(number - events[0][0], events.length - 1));
const moves = {
  first: () => show(0),
  last: () => show(whole(events.length - 1)),
  step: () => show(whole(stops[at][0] + 1)),
  back: () => show(whole(stops[at][0] - 1)),
  part: () => show(at + 1),
  partback: () => show(at - 1),
  next: () => show(whole(numbered(events[stops[at][0]][5]))),
  nextback: () => show(whole(numbered(events[stops[at][0]][6]))),
};
const keys = {
  ArrowRight: "step", s: "step", ArrowLeft: "back", S: "back", Home: "first", End: "last", i: "part", I: "partback",
  n: "next", N: "nextback",
};

// The address follows a little later: browsers refuse to be told of hundreds of places in a row.
function remember(place) {
  clearTimeout(later);
  if (location.protocol !== "about:") later = setTimeout(() => history.replaceState(null, "", place), SOON);
}

function recall() {
  const [number, part = 0] = location.hash.slice(1).split(".").map(Number);
  if (!Number.isInteger(number)) return show(0);
  const event = numbered(number), found = stops.findIndex(([of, n]) => of === event && n === part);
  show(found < 0 ? whole(event) : found);
}

function digit(key) {
  typed = Date.now() - typedAt < TOGETHER ? typed + key : key;
  typedAt = Date.now();
  show(whole(numbered(Number(typed))));
}

// The arrow keys inside a table; whether there was a cell to go to.
function walkCells(event) {
  const cell = event.target.closest("#stop figure td"), row = cell?.parentElement;
  if (!cell) return false;
  if (event.key === "Escape") cell.blur();
  const beside = { ArrowLeft: cell.previousElementSibling, ArrowRight: cell.nextElementSibling }[event.key]
    ?? { ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling }[event.key]?.cells[cell.cellIndex];
  if (beside?.tagName === "TD" && beside.textContent) beside.focus();
  return event.key.startsWith("Arrow") || event.key === "Escape";
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.id === "slider" && /^(Arrow|Home|End|Page)/.test(event.key)) return;
  if (walkCells(event)) return event.preventDefault();
  if (/^[0-9]$/.test(event.key)) return digit(event.key);
  const move = keys[event.key];
  if (!move) return;
  event.preventDefault();
  moves[move]();
}
addEventListener("keydown", pressed);
addEventListener("hashchange", recall);
for (const id of ["first", "back", "step", "partback", "part", "last"]) $(id).onclick = moves[id];
$("slider").max = events.length - 1;
$("slider").oninput = (event) => show(whole(Number(event.target.value)));
if (events.length <= 400) {
  for (const [, , phase] of events) $("bar").appendChild(document.createElement("i")).className = phase;
}
[...$("program").children].forEach((row, n) => {
  const line = n + $("program").start;
  row.onclick = () => {
    const order = [...events.keys()].map((k) => (k + stops[at][0] + 1) % events.length);
    const event = order.find((k) => events[k][3] === line);
    if (event !== undefined) show(whole(event));
  };
});
document.querySelector("nav").hidden = $("keys").hidden = false;
recall();
removeEventListener("keydown", wait);
early.forEach(pressed);
