// Draws the graph and fills the ledger of a report out of its tables. Texts become text nodes, never HTML.
(() => {
  "use strict";

  const data = JSON.parse(document.getElementById("tables").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const SIGNS = "-✓~?✗!";
  const words = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

  function add(parent, name, attributes = {}, ...children) {
    const inside = parent && parent.namespaceURI === SVG;
    const element = name === "svg" || inside ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "on") for (const [event, action] of Object.entries(value)) element.addEventListener(event, action);
      else if (value !== false && value !== undefined) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    if (parent) parent.append(element);
    return element;
  }
  const button = (parent, text, click, kind) =>
    add(parent, "button", { type: "button", class: kind, on: { click } }, text);

  function badge(parent, standing, text) {
    const span = add(parent, "span", { class: `badge ${data.standings[standing].replace(" ", "_")}` });
    add(span, "span", { "aria-hidden": "true" }, SIGNS[standing]);
    span.append(` ${text || data.standings[standing]}`);
    return span;
  }
  function severity(rank) {
    const word = data.severities[rank].toLowerCase();
    return add(null, "span", { class: `severity ${word}` }, word);
  }
  // The verdicts of rows, as standings: what does not apply is not judged.
  const standingOf = (verdict) =>
    Math.max(0, data.standings.indexOf(data.verdicts[verdict].toLowerCase()));
  const verdictWord = (verdict) => data.verdicts[verdict].toLowerCase().replace("_", " ");
  const text = (number) => data.strings[number];

  // --- what the tables hold

  const resources = data.resources;
  const standing = (resource) => Number(data.standing[resource]);
  const policyName = (number) => data.policies[number][1];
  const findings = data.findings.map(([resource, policy, verdict, severity, message, place, line, wanted, waiver, blocks]) => (
    { resource, policy, verdict, severity, message, place, line, wanted, waiver, blocks }));
  const quiet = { resource: [], policy: [], verdict: [], message: [] };
  for (const [policy, steps, verdicts, messages] of data.quiet) {
    let resource = 0;
    steps.forEach((step, index) => {
      resource += step;
      quiet.resource.push(resource);
      quiet.policy.push(policy);
      quiet.verdict.push(Number(verdicts[index]));
      quiet.message.push(messages[index]);
    });
  }
  const blockOf = new Int32Array(resources.length).fill(-1);
  const blocks = data.blocks.map(([address, type, name, module, source, instances], number) => {
    for (const one of instances) blockOf[one] = number;
    const worst = Math.max(...instances.map(standing).reduce((seen, one) => seen.add(one), new Set()));
    return { number, address: text(address), type: text(type), name: text(name), module: text(module),
      source: data.sources[source], instances, standing: worst, needs: [], neededBy: [] };
  });
  const edges = data.edges.map(([from, to, kind, attribute]) => {
    const edge = { from, to, follows: kind === 1, byName: kind === 2, attribute: text(attribute) };
    blocks[from].needs.push(edge);
    blocks[to].neededBy.push(edge);
    return edge;
  });

  // --- the graph: which boxes there are

  const MOST = 250;
  const NEAR = 60;
  const WIDTH = 204, HEIGHT = 56, GAP_X = 56, GAP_Y = 14, LANE = 12;
  const cut = (line, most) => (line.length > most ? `${line.slice(0, most - 1)}…` : line);

  function share(standings) {
    const worst = Math.max(...new Set(standings));
    const number = standings.filter((one) => one === worst).length;
    const word = data.standings[worst];
    return { worst, said: number === standings.length ? word : `${number} of ${standings.length} ${word}` };
  }

  function boxOf(block) {
    const { worst, said } = share(block.instances.map(standing));
    const many = block.instances.length > 1 ? `${block.instances.length} × ` : "";
    return { key: `b${block.number}`, standing: worst, said, blocks: [block], title: block.address,
      small: block.type, main: `${many}${block.name}`, where: block.module ? ` · ${block.module}` : "" };
  }

  const GROUPINGS = {
    type: ["by module and type", (block) => `${block.module}\n${block.type}`],
    module: ["by module", (block) => block.module],
    kind: ["by type", (block) => block.type],
  };

  function groups(by) {
    const found = new Map();
    for (const block of blocks) {
      const key = GROUPINGS[by][1](block);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(block);
    }
    return [...found.values()];
  }

  function boxOfGroup(members, by) {
    const [first] = members;
    const { worst, said } = share(members.flatMap((block) => block.instances.map(standing)));
    const module = by === "kind" ? "" : first.module || "root module";
    const main = by === "module" ? module : first.type;
    const number = members.reduce((sum, block) => sum + block.instances.length, 0);
    const of = by === "type" ? ` of ${module}` : "";
    return { key: `g${first.number}`, standing: worst, said, blocks: members, group: true,
      title: `${main}${of}, ${words(number, "resource", "resources")}`,
      small: words(number, "resource", "resources"), main, where: by === "type" ? ` · ${module}` : "" };
  }

  // What a view draws: boxes, and which of them an arrow joins.
  function drawn(view) {
    let boxes, arrows;
    if (view.near !== undefined) {
      const centre = blocks[view.near];
      arrows = [...centre.needs, ...centre.neededBy].slice(0, NEAR);
      const shown = new Set([view.near, ...arrows.flatMap((edge) => [edge.from, edge.to])]);
      boxes = [...shown].sort((one, other) => one - other).map((number) => boxOf(blocks[number]));
    } else if (view.by === "resource") {
      boxes = blocks.map(boxOf);
      arrows = edges.filter((edge) => !edge.follows);
    } else {
      boxes = groups(view.by).map((members) => boxOfGroup(members, view.by));
      arrows = edges;
    }
    const place = new Map();
    boxes.forEach((box, index) => box.blocks.forEach((block) => place.set(block.number, index)));
    const joined = new Map();
    for (const edge of arrows) {
      const from = place.get(edge.from), to = place.get(edge.to);
      if (from === to) continue;
      const key = from * boxes.length + to;
      joined.set(key, { from, to, byName: edge.byName && (joined.get(key) || edge).byName });
    }
    return { boxes, arrows: [...joined.values()] };
  }

  // --- the graph: where the boxes stand

  function layers(count, arrows) {
    const out = Array.from({ length: count }, () => []);
    for (const { from, to } of arrows) out[from].push(to);
    const depth = new Int32Array(count).fill(-1), open = new Uint8Array(count);
    // The longest way to a box that needs nothing; an arrow that would close a circle does not count.
    const measure = (start) => {
      const stack = [[start, 0, 0]];
      open[start] = 1;
      while (stack.length) {
        const frame = stack[stack.length - 1];
        const [box, next] = frame;
        if (next < out[box].length) {
          frame[1] += 1;
          const to = out[box][next];
          if (depth[to] >= 0) frame[2] = Math.max(frame[2], depth[to] + 1);
          else if (!open[to]) { open[to] = 1; stack.push([to, 0, 0]); }
        } else {
          depth[box] = frame[2];
          stack.pop();
          if (stack.length) stack[stack.length - 1][2] = Math.max(stack[stack.length - 1][2], depth[box] + 1);
        }
      }
    };
    for (let box = 0; box < count; box += 1) if (depth[box] < 0) measure(box);
    return depth;
  }

  // Boxes in columns, those that are needed by most on the right. An arrow that passes a column has a lane there, as
  // long as no column is folded.
  function arrange(graph) {
    const { boxes, arrows } = graph, depth = layers(boxes.length, arrows);
    const joined = boxes.map(() => false);
    for (const { from, to } of arrows) joined[from] = joined[to] = true;
    const deepest = Math.max(0, ...depth), rows = Math.max(8, Math.ceil(Math.sqrt(boxes.length) * 1.3));
    const columns = Array.from({ length: deepest + 1 }, () => []);
    const alone = boxes.filter((_, index) => !joined[index]);
    const items = boxes.map((box, index) => ({ box, high: HEIGHT, beside: [], column: deepest - depth[index] }));
    items.forEach((item, index) => joined[index] && columns[item.column].push(item));
    const folded = columns.some((column) => column.length > rows);
    for (const arrow of arrows) {
      let last = items[arrow.from];
      arrow.lanes = [];
      for (let column = last.column + 1; !folded && column < items[arrow.to].column; column += 1) {
        const lane = { high: LANE, beside: [last], column };
        last.beside.push(lane);
        columns[column].push(lane);
        arrow.lanes.push(lane);
        last = lane;
      }
      last.beside.push(items[arrow.to]);
      items[arrow.to].beside.push(last);
    }
    const number = (column) => column.forEach((item, index) => { item.rank = (index + 0.5) / column.length; });
    columns.forEach(number);
    for (let sweep = 0; sweep < 12; sweep += 1) {
      for (const column of sweep % 2 ? columns : [...columns].reverse()) {
        for (const item of column) item.middle = item.beside.reduce((sum, one) => sum + one.rank, 0) / item.beside.length;
        column.sort((one, other) => one.middle - other.middle);
        number(column);
      }
    }
    const used = columns.filter((column) => column.length), step = WIDTH + GAP_Y;
    const heightOf = (part) => part.reduce((sum, item) => sum + item.high + GAP_Y, -GAP_Y);
    const parts = used.map((column) => {
      const number = folded ? Math.ceil(column.length / rows) : 1, high = Math.ceil(column.length / number);
      return Array.from({ length: number }, (_, index) => column.slice(index * high, (index + 1) * high));
    });
    const tallest = Math.max(0, ...parts.flat().map(heightOf));
    let x = 0;
    for (const column of parts) {
      column.forEach((part, index) => {
        let y = (tallest - heightOf(column[0])) / 2;
        for (const item of part) {
          Object.assign(item.box || item, { x: x + index * step, y });
          y += item.high + GAP_Y;
        }
      });
      x += (column.length - 1) * step + WIDTH + GAP_X;
    }
    const across = Math.max(4, Math.floor(x / step), Math.ceil(Math.sqrt(alone.length)));
    const below = tallest ? tallest + GAP_Y * 3 : 0;
    alone.forEach((box, index) => {
      box.x = (index % across) * step;
      box.y = below + Math.floor(index / across) * (HEIGHT + GAP_Y);
    });
  }

  // From box to box, straight along the lanes between them.
  function way(from, lanes, to) {
    let x = from.x + WIDTH, y = from.y + HEIGHT / 2, path = `M${x} ${y}`;
    for (const stop of [...lanes, { ...to, x: to.x - 2, y: to.y + HEIGHT / 2 - LANE / 2, last: true }]) {
      const middle = stop.y + LANE / 2, bend = Math.max(24, Math.abs(stop.x - x) / 2);
      path += `C${x + bend} ${y} ${stop.x - bend} ${middle} ${stop.x} ${middle}`;
      if (!stop.last) path += `H${stop.x + WIDTH}`;
      [x, y] = [stop.x + WIDTH, middle];
    }
    return path;
  }

  // --- the graph on the page

  const graph = { svg: null, boxes: [], arrows: [], at: { x: 0, y: 0, scale: 1 }, view: null, opened: null };
  const place = document.getElementById("graph-place");
  const caption = () => {
    const counts = new Map();
    for (const block of blocks) for (const one of block.instances) counts.set(standing(one), (counts.get(standing(one)) || 0) + 1);
    return [...counts].sort((one, other) => other[0] - one[0]).map(([one, number]) => `${number.toLocaleString("en")} ${data.standings[one]}`).join(", ");
  };

  function startView() {
    if (blocks.length <= MOST) return { by: "resource" };
    for (const by of ["type", "kind", "module"]) if (groups(by).length <= MOST) return { by };
    return { by: "kind" };
  }

  function setUpGraph() {
    if (!blocks.length) {
      add(place, "p", { class: "none" }, "There is nothing to draw.");
    } else {
      const bar = add(place, "div", { class: "toolbar", role: "toolbar", "aria-label": "Graph" });
      button(bar, "Zoom in", () => zoom(1.25));
      button(bar, "Zoom out", () => zoom(0.8));
      button(bar, "Fit", fit);
      const label = add(bar, "label", {}, "Show ");
      graph.select = add(label, "select", { on: { change: () => show(JSON.parse(graph.select.value)) } });
      const option = (title, view, possible) =>
        possible && add(graph.select, "option", { value: JSON.stringify(view) }, title);
      option("every resource", { by: "resource" }, blocks.length <= MOST);
      for (const [by, [title]] of Object.entries(GROUPINGS)) {
        option(title, { by }, groups(by).length <= MOST && (by === "kind" || blocks.some((one) => one.module)));
      }
      add(bar, "span", { class: "end none" }, caption());
    }
    graph.drawing = add(place, "div", { class: "drawing" });
    if (blocks.length) {
      graph.svg = add(graph.drawing, "svg", { role: "application", "aria-roledescription": "graph", tabindex: "-1",
        "aria-label": `${words(blocks.length, "resource", "resources")}: ${caption()}`, "aria-describedby": "graph-keys",
        on: { keydown: onKey, wheel: onWheel, pointerdown: onDrag } });
      const marker = add(add(graph.svg, "defs"), "marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" });
      add(marker, "path", { d: "M0 0 8 4 0 8Z", class: "arrow" });
      graph.content = add(graph.svg, "g");
      new ResizeObserver(look).observe(graph.svg);
      addEventListener("beforeprint", fit);
      show(startView());
    }
    graph.details = add(graph.drawing, "div", { class: "details", id: "details", role: "region", "aria-label": "Details", hidden: true,
      on: { keydown: (event) => event.key === "Escape" && close() } });
  }

  function show(view) {
    graph.view = view;
    Object.assign(graph, drawn(view));
    arrange(graph);
    graph.content.replaceChildren();
    const lines = add(graph.content, "g");
    for (const arrow of graph.arrows) {
      const from = graph.boxes[arrow.from], to = graph.boxes[arrow.to];
      arrow.path = add(lines, "path", { class: `edge${arrow.byName ? " by-name" : ""}`, "marker-end": "url(#arrow)",
        d: way(from, arrow.lanes, to) });
    }
    const first = graph.boxes.reduce((best, box) => (box.x - best.x || box.y - best.y) < 0 ? box : best);
    graph.boxes.forEach((box) => {
      box.element = add(graph.content, "g", { class: `box ${data.standings[box.standing].replace(" ", "_")}`, role: "button",
        tabindex: box === first ? "0" : "-1", "aria-pressed": "false", "aria-label": `${box.title}: ${box.said}`, transform: `translate(${box.x} ${box.y})`,
        on: { click: () => graph.moved || open(box), focus: () => { rove(box); reveal(box); } } });
      add(box.element, "title", {}, `${box.title}: ${box.said}`);
      add(box.element, "rect", { width: WIDTH, height: HEIGHT, rx: 5 });
      add(box.element, "rect", { class: "ring", x: -4, y: -4, width: WIDTH + 8, height: HEIGHT + 8, rx: 8 });
      add(box.element, "text", { x: 10, y: 16, class: "type" }, cut(box.small, 29));
      add(box.element, "text", { x: 10, y: 32, class: box.main.length > 22 ? "name long" : "name" }, cut(box.main, 27));
      add(box.element, "text", { x: 10, y: 48 }, cut(`${SIGNS[box.standing]} ${box.said}${box.where}`, 27));
    });
    const value = JSON.stringify(view);
    if (view.near !== undefined) {
      graph.select.querySelector("[data-near]")?.remove();
      add(graph.select, "option", { value, "data-near": true }, `around ${cut(blocks[view.near].address, 40)}`);
    }
    graph.select.value = value;
    start();
  }

  // The picture is looked at through a window: its middle, and how many pixels a unit is.
  function size() {
    const { clientWidth, clientHeight } = graph.svg;
    return { width: clientWidth || 800, height: clientHeight || 500 };
  }
  function look() {
    const { width, height } = size(), { x, y, scale } = graph.at;
    graph.svg.setAttribute("viewBox", `${x - width / scale / 2} ${y - height / scale / 2} ${width / scale} ${height / scale}`);
  }
  function bounds() {
    const right = Math.max(...graph.boxes.map((box) => box.x)) + WIDTH, bottom = Math.max(...graph.boxes.map((box) => box.y)) + HEIGHT;
    const { width, height } = size();
    return { right, bottom, scale: Math.min((width - 24) / right, (height - 24) / bottom, 1.1) };
  }
  function fit() {
    const { right, bottom, scale } = bounds();
    graph.at = { x: right / 2, y: bottom / 2, scale };
    look();
  }
  // As much as can still be read; the rest is a drag away.
  function start() {
    fit();
    if (graph.at.scale >= 0.6) return;
    const { width, height } = size(), { right, bottom } = bounds(), scale = 0.75;
    graph.at = { scale, x: Math.min(width / scale / 2 - 12, Math.max(right / 2, 0)), y: Math.min(height / scale / 2 - 12, Math.max(bottom / 2, 0)) };
    look();
  }
  function zoom(by, point = graph.at) {
    const scale = Math.min(Math.max(graph.at.scale * by, 0.05), 4), ratio = graph.at.scale / scale;
    graph.at = { scale, x: point.x + (graph.at.x - point.x) * ratio, y: point.y + (graph.at.y - point.y) * ratio };
    look();
  }
  function reveal(box) {
    const { width, height } = size(), { x, y, scale } = graph.at;
    const halfX = width / scale / 2, halfY = height / scale / 2;
    const within = (middle, half, near, long) =>
      Math.min(Math.max(middle, near + long + GAP_Y - half), near - GAP_Y + half);
    graph.at = { scale, x: within(x, halfX, box.x, WIDTH), y: within(y, halfY, box.y, HEIGHT) };
    look();
  }
  function rove(box) {
    for (const other of graph.boxes) other.element.setAttribute("tabindex", other === box ? "0" : "-1");
  }

  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function onKey(event) {
    const box = graph.boxes.find((one) => one.element === document.activeElement);
    const direction = DIRECTIONS[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (direction && (event.shiftKey || !box)) {
      graph.at.x += (direction[0] * 80) / graph.at.scale;
      graph.at.y += (direction[1] * 80) / graph.at.scale;
      look();
    } else if (direction) {
      next(box, direction)?.element.focus();
    } else if ((event.key === "Enter" || event.key === " ") && box) {
      open(box);
      graph.details.querySelector("h3")?.focus();
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "+" || event.key === "=") {
      zoom(1.25);
    } else if (event.key === "-") {
      zoom(0.8);
    } else if (event.key === "0") {
      fit();
    } else {
      return;
    }
    event.preventDefault();
  }
  function next(box, [dx, dy]) {
    let best = null, least = Infinity;
    for (const other of graph.boxes) {
      const x = other.x - box.x, y = other.y - box.y;
      const along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
      if (along > 0 && along + 2 * across < least) { least = along + 2 * across; best = other; }
    }
    return best;
  }
  function onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = graph.svg.getBoundingClientRect(), { x, y, scale } = graph.at;
    zoom(Math.exp(-event.deltaY / 300), {
      x: x + (event.clientX - frame.left - frame.width / 2) / scale, y: y + (event.clientY - frame.top - frame.height / 2) / scale });
  }
  function onDrag(event) {
    if (event.button) return;
    const from = { ...graph.at }, { clientX, clientY } = event;
    graph.moved = false;
    const move = (now) => {
      const dx = now.clientX - clientX, dy = now.clientY - clientY;
      if (!graph.moved && Math.hypot(dx, dy) < 5) return;
      graph.moved = true;
      graph.at = { ...from, x: from.x - dx / from.scale, y: from.y - dy / from.scale };
      look();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
  }

  // --- details of a box, or of one resource

  function open(box, resource) {
    graph.opened = box;
    for (const other of graph.boxes) other.element.setAttribute("aria-pressed", String(other === box));
    const index = graph.boxes.indexOf(box);
    for (const arrow of graph.arrows) {
      arrow.path.classList.toggle("near", !box.group && (arrow.from === index || arrow.to === index));
    }
    graph.drawing.classList.add("open");
    graph.details.hidden = false;
    graph.details.replaceChildren();
    graph.details.scrollTop = 0;
    if (box.group) tellGroup(box);
    else tellBlock(box.blocks[0], resource);
    if (graph.svg) requestAnimationFrame(() => box.element && reveal(box));
  }
  function close() {
    const was = graph.opened;
    graph.opened = null;
    graph.drawing.classList.remove("open");
    graph.details.hidden = true;
    graph.details.replaceChildren();
    for (const arrow of graph.arrows) arrow.path.classList.remove("near");
    for (const box of graph.boxes) box.element.setAttribute("aria-pressed", "false");
    was?.element?.focus({ preventScroll: true });
  }

  // A resource wherever it is named: its box in the graph, or what is around it where there are only groups.
  function select(resource) {
    if (blockOf[resource] >= 0) {
      selectBlock(blockOf[resource], resource);
      return;
    }
    graph.opened = null;
    graph.drawing.classList.add("open");
    graph.details.hidden = false;
    graph.details.replaceChildren();
    tell(resources[resource], [resource]);
    turnTo();
  }
  function selectBlock(number, resource) {
    const find = () => graph.boxes.find((one) => !one.group && one.blocks[0].number === number);
    if (!find()) show({ near: number });
    rove(find());
    open(find(), resource);
    turnTo();
  }
  function turnTo() {
    document.getElementById("graph").scrollIntoView();
    graph.details.querySelector("h3").focus({ preventScroll: true });
  }

  const LISTED = 50;
  function list(title, items, entry, rest) {
    if (!items.length) return;
    add(graph.details, "h4", {}, `${title} (${items.length.toLocaleString("en")})`);
    const place = add(graph.details, "ul");
    for (const item of items.slice(0, LISTED)) entry(add(place, "li"), item);
    if (items.length > LISTED) add(graph.details, "p", { class: "none" }, `and ${(items.length - LISTED).toLocaleString("en")} more${rest || ""}`);
  }

  function head(title, standings, search, near) {
    add(graph.details, "h3", { tabindex: "-1" }, add(null, "code", {}, title));
    const { worst, said } = share(standings);
    badge(add(graph.details, "div"), worst, said);
    const bar = add(graph.details, "div", { class: "toolbar" });
    button(bar, "In the ledger", () => ledger.search(search));
    if (near !== undefined) button(bar, "Around it", () => { show({ near }); selectBlock(near); });
    button(bar, "Close", close);
  }

  function tell(title, instances, block) {
    const shown = new Set(instances);
    head(title, instances.map(standing), title, block && graph.view.near !== block.number ? block.number : undefined);
    const said = findings.filter((one) => shown.has(one.resource));
    list("Findings", said, (item, one) => {
      badge(item, standingOf(one.verdict), verdictWord(one.verdict));
      item.append(" ", severity(one.severity), ` ${policyName(one.policy)}${one.blocks ? ", blocks" : ""}`);
      if (shown.size > 1) add(item, "div", {}, add(null, "code", {}, resources[one.resource]));
      add(item, "div", {}, text(one.message));
      if (one.place) add(item, "div", {}, add(null, "code", {}, text(one.place)));
      if (one.line) pair(item, "code", text(one.line));
      if (one.wanted) pair(item, "wanted", text(one.wanted));
      if (one.waiver) add(item, "div", {}, text(one.waiver));
    }, "; the ledger has all");
    if (block) {
      list("Needs", block.needs, (item, edge) => reference(item, edge, edge.to));
      list("Is needed by", block.neededBy, (item, edge) => reference(item, edge, edge.from));
      source(block, said);
    }
    const passed = [];
    quiet.resource.forEach((resource, row) => shown.has(resource) && data.verdicts[quiet.verdict[row]] === "PASS" && passed.push(row));
    list("Passes", passed, (item, row) => {
      item.append(policyName(quiet.policy[row]));
      add(item, "div", { class: "none" }, text(quiet.message[row]));
    }, "; the ledger has all");
  }

  function pair(parent, title, line) {
    const row = add(add(parent, "dl", { class: "lines" }), "div");
    add(row, "dt", {}, title);
    add(row, "dd", {}, add(null, "code", {}, line));
  }

  function tellBlock(block, resource) {
    const one = resource !== undefined && block.instances.length > 1;
    tell(one ? resources[resource] : block.address, one ? [resource] : block.instances, block);
    if (block.instances.length > 1) {
      const sorted = [...block.instances].sort((a, b) => standing(b) - standing(a) || a - b);
      list("Instances", sorted, (item, each) => {
        button(item, resources[each], () => select(each), "link");
        item.append(" ");
        badge(item, standing(each));
      }, "; the ledger has all");
    }
  }

  function tellGroup(box) {
    const by = graph.view.by;
    head(box.title, box.blocks.flatMap((block) => block.instances.map(standing)), by === "kind" || !box.blocks[0].module ? box.blocks[0].type : `${box.blocks[0].module}.`);
    const sorted = [...box.blocks].sort((a, b) => b.standing - a.standing || a.number - b.number);
    list("Blocks", sorted, (item, block) => {
      button(item, block.address, () => selectBlock(block.number), "link");
      item.append(" ");
      badge(item, block.standing);
    }, "; the ledger has all");
  }

  function reference(item, edge, other) {
    button(item, blocks[other].address, () => selectBlock(other), "link");
    const how = edge.byName ? "by name" : edge.attribute && `in ${edge.attribute}`;
    if (how) item.append(` ${how}${edge.byName && edge.attribute ? `, in ${edge.attribute}` : ""}`);
  }

  function source(block, said) {
    if (!block.source) return;
    const [file, first, lines, last] = block.source;
    add(graph.details, "h4", {}, "Source ", add(null, "code", {}, `${file}:${first}-${last}`));
    if (!lines.length) return;
    const marked = new Set(said.map((one) => text(one.place)));
    const box = add(graph.details, "pre", { class: "source", tabindex: "0", "aria-label": "Source" });
    lines.forEach((line, index) => {
      const row = add(box, "span", { class: marked.has(`${file}:${first + index}`) ? "marked" : undefined });
      add(row, "b", { "aria-hidden": "true" }, String(first + index));
      row.append(line || " ");
    });
    if (first + lines.length - 1 < last) add(graph.details, "p", { class: "none" }, words(last - first - lines.length + 1, "line is left out", "lines are left out"));
  }

  // --- the ledger: every pair of a policy and a resource is a row, whether anybody wrote it down or not

  const ledger = (() => {
    const place = document.getElementById("ledger-place");
    const PAGE = 100;
    const NOT_APPLICABLE = data.verdicts.indexOf("NOT_APPLICABLE");
    const said = findings.length, quieter = quiet.resource.length, before = said + quieter;
    const asked = new Uint8Array(data.asked * data.asked_of);
    const mark = (policy, resource) => { if (policy < data.asked && resource < data.asked_of) asked[policy * data.asked_of + resource] = 1; };
    findings.forEach((one) => mark(one.policy, one.resource));
    quiet.resource.forEach((resource, row) => mark(quiet.policy[row], resource));
    const counts = data.verdicts.map(() => 0);
    findings.forEach((one) => { counts[one.verdict] += 1; });
    quiet.verdict.forEach((verdict) => { counts[verdict] += 1; });
    counts[NOT_APPLICABLE] += asked.reduce((sum, one) => sum + (one ? 0 : 1), 0);

    const lower = (texts) => texts.map((one) => one.toLowerCase());
    const policyTexts = lower(data.policies.map(([id, name, title]) => `${id} ${name} ${title}`));
    let resourceTexts = null, otherTexts = null;

    function row(id) {
      if (id < said) return findings[id];
      if (id < before) {
        const index = id - said, policy = quiet.policy[index];
        return { resource: quiet.resource[index], policy, verdict: quiet.verdict[index], severity: data.policies[policy][4], message: quiet.message[index], place: 0 };
      }
      const policy = Math.floor((id - before) / data.asked_of);
      return { resource: (id - before) % data.asked_of, policy, verdict: NOT_APPLICABLE, severity: data.policies[policy][4], message: 0, place: 0 };
    }

    // Each word is looked for once in each text; the rows then ask by number.
    function lookFor(word) {
      resourceTexts ??= lower(resources);
      otherTexts ??= lower(data.strings);
      const found = (texts) => Uint8Array.from(texts, (one) => (one.includes(word) ? 1 : 0));
      return { policies: found(policyTexts), resources: found(resourceTexts), others: found(otherTexts) };
    }

    function matching(query, verdicts, severities) {
      const looked = query.toLowerCase().split(/\s+/).filter(Boolean).map(lookFor);
      const has = (policy, resource, message, place) =>
        looked.every((one) => one.policies[policy] || one.resources[resource] || one.others[message] || one.others[place]);
      const found = new Uint32Array(before + (verdicts[NOT_APPLICABLE] ? asked.length : 0));
      let number = 0;
      for (let id = 0; id < said; id += 1) {
        const one = findings[id];
        if (verdicts[one.verdict] && severities[one.severity] && has(one.policy, one.resource, one.message, one.place)) found[number++] = id;
      }
      for (let index = 0; index < quieter; index += 1) {
        const policy = quiet.policy[index];
        if (verdicts[quiet.verdict[index]] && severities[data.policies[policy][4]] && has(policy, quiet.resource[index], quiet.message[index], 0)) found[number++] = said + index;
      }
      if (verdicts[NOT_APPLICABLE]) {
        for (let policy = 0; policy < data.asked; policy += 1) {
          if (!severities[data.policies[policy][4]]) continue;
          for (let resource = 0; resource < data.asked_of; resource += 1) {
            const pair = policy * data.asked_of + resource;
            if (!asked[pair] && has(policy, resource, 0, 0)) found[number++] = before + pair;
          }
        }
      }
      return found.subarray(0, number);
    }

    const form = add(place, "form", { class: "toolbar", role: "search", "aria-label": "Ledger", on: { submit: (event) => event.preventDefault() } });
    const query = add(add(form, "label", {}, "Text "), "input", { type: "search", id: "ledger-text", autocomplete: "off", placeholder: "policy, resource, message or file" });
    function choices(title, names, numbers, chosen) {
      const set = add(form, "fieldset");
      add(set, "legend", {}, title);
      return names.map((name, index) => {
        const label = add(set, "label");
        const box = add(label, "input", { type: "checkbox", value: name });
        box.checked = chosen(index);
        label.append(` ${name.toLowerCase().replace("_", " ")}`);
        if (numbers) add(label, "span", { class: "none" }, ` ${numbers[index].toLocaleString("en")}`);
        return box;
      });
    }
    const verdictBoxes = choices("Verdict", data.verdicts, counts, (index) => index !== NOT_APPLICABLE);
    const severityBoxes = choices("Severity", data.severities, null, () => true);
    const status = add(place, "p", { role: "status", id: "ledger-status" });
    const table = add(add(place, "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ledger" }), "table", { class: "ledger" });
    const group = add(table, "colgroup");
    const headRow = add(add(table, "thead"), "tr");
    ["Verdict", "Severity", "Policy", "Resource", "What it says"].forEach((title, index) => {
      add(group, "col", { class: `c${index}` });
      add(headRow, "th", { scope: "col" }, title);
    });
    const body = add(table, "tbody");
    const pager = add(place, "div", { class: "toolbar pager", role: "group", "aria-label": "Pages of the ledger" });
    const back = button(pager, "Previous page", () => turn(page - 1));
    const forth = button(pager, "Next page", () => turn(page + 1));
    const where = add(pager, "span", { class: "none" });
    let rows = new Uint32Array(0), page = 0, timer = 0;

    function turn(to) {
      page = to;
      const pages = Math.max(1, Math.ceil(rows.length / PAGE));
      body.replaceChildren(...Array.from(rows.subarray(page * PAGE, (page + 1) * PAGE), line));
      back.disabled = page <= 0;
      forth.disabled = page >= pages - 1;
      where.textContent = `Page ${(page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
      pager.hidden = pages < 2;
    }
    function line(id) {
      const one = row(id), element = add(null, "tr");
      badge(add(element, "td"), standingOf(one.verdict), verdictWord(one.verdict));
      add(element, "td", {}, severity(one.severity));
      const policy = add(element, "td", {}, policyName(one.policy));
      add(policy, "div", { class: "none" }, data.policies[one.policy][0]);
      button(add(element, "td"), resources[one.resource], () => select(one.resource), "link");
      const message = add(element, "td", {}, text(one.message) || `The policy is for other types: ${data.policies[one.policy][2]}`);
      if (one.place) add(message, "div", {}, add(null, "code", {}, text(one.place)));
      if (one.waiver) add(message, "div", { class: "none" }, text(one.waiver));
      return element;
    }
    function filter() {
      rows = matching(query.value, verdictBoxes.map((one) => one.checked), severityBoxes.map((one) => one.checked));
      turn(0);
      const all = counts.reduce((sum, one) => sum + one, 0);
      status.textContent = `${words(rows.length, "row", "rows")} of ${all.toLocaleString("en")}; a policy may have several about one resource`;
    }
    query.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 80); });
    for (const box of [...verdictBoxes, ...severityBoxes]) box.addEventListener("change", filter);
    filter();
    return {
      search(words) {
        query.value = words;
        filter();
        document.getElementById("ledger").scrollIntoView();
        query.focus({ preventScroll: true });
      },
    };
  })();

  setUpGraph();

  // What the page has said without a script can be opened in the graph.
  const numbers = new Map(resources.map((address, number) => [address, number]));
  for (const code of document.querySelectorAll("#findings code.resource")) {
    const number = numbers.get(code.textContent);
    if (number !== undefined) code.replaceWith(button(null, code.textContent, () => select(number), "link resource"));
  }
})();
