// The report's own script: charts, heat maps, the graph's boxes, searching, light and dark.
// All of a job's texts reach the page through textContent, never as markup.
"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const make = (name, text, attributes) => {
    const element = document.createElement(name);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    return element;
  };
  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const clock = (ms) => new Date(ms).toISOString().slice(11, 19);
  const show = (value, unit) =>
    value === null || value === undefined ? "-" : `${+value.toPrecision(4)} ${unit}`;
  const PAPER = 670;
  // Seconds between marks of time; finer ones would all read alike.
  const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
                 86400, 172800, 604800, 2592000];
  const redraws = [];
  const sizes = [];

  // A bucket's second point is left out where lowest and highest agree, and a bucket may fall
  // between two samples: such short holes are bridged (undefined), longer ones are gaps (null).
  const bridged = (values) => {
    const result = values.slice();
    let last = -1;
    for (let i = 0; i < values.length; i++) {
      if (values[i] === null) continue;
      if (last >= 0 && i - last <= 6) for (let j = last + 1; j < i; j++) result[j] = undefined;
      last = i;
    }
    return result;
  };

  const times = (chart) => {
    const result = [];
    for (let i = 0; i < chart.count; i++) {
      const start = chart.start + i * chart.step;
      result.push(start / 1000, (start + chart.step / 2) / 1000);
    }
    return result;
  };

  // A mark is named where there is room beside it: at its right, else at its left.
  const drawMarks = (plot, marks, isNamed) => {
    const context = plot.ctx;
    const { left, top, width, height } = plot.bbox;
    const pixel = devicePixelRatio;
    let taken = left;
    context.save();
    context.lineWidth = pixel;
    context.font = `${11 * pixel}px system-ui, "DejaVu Sans", sans-serif`;
    context.textBaseline = "bottom";
    context.textAlign = "left";
    for (const mark of marks) {
      const x = plot.valToPos(mark.time / 1000, "x", true);
      if (x < left - 1 || x > left + width + 1) continue;
      context.strokeStyle = context.fillStyle = colour(mark.tone === "bad" ? "--bad" : "--soft");
      context.setLineDash([4 * pixel, 4 * pixel]);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, top + height);
      context.stroke();
      if (!isNamed) continue;
      const room = context.measureText(mark.label).width + 8 * pixel;
      const start = x + room <= left + width ? x : x - room;
      if (start < taken) continue;
      context.fillText(mark.label, start + 4 * pixel, top - 2 * pixel);
      taken = start + room;
    }
    context.restore();
  };

  const hue = (place) => colour(`--c${place % 8}`);
  const dash = (place) => [[], [6, 3], [2, 2], [8, 3, 2, 3]][Math.floor(place / 8) % 4];

  const nearest = (plot, chart) => {
    const index = plot.cursor.idx;
    if (index === null || index === undefined) return null;
    let best = null;
    chart.lines.forEach((line, place) => {
      if (!plot.series[place + 1].show) return;
      let at = index;
      while (at > index - 6 && at > 0 && (line.values[at] === null)) at--;
      const value = line.values[at];
      if (value === null || value === undefined) return;
      const gap = Math.abs(plot.valToPos(value, "y") - plot.cursor.top);
      if (best === null || gap < best.gap) best = { gap, place, value, at };
    });
    return best;
  };

  const plotChart = (host, chart, marks, height, head, isNamed) => {
    const known = chart.lines.flatMap((line) => line.values).filter((value) => value !== null);
    const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)],
                                     [Infinity, -Infinity]);
    const box = make("div", null, {
      class: "plot", tabindex: "0", role: "img",
      "aria-label": `${chart.title} over time, ${chart.lines.length} lines, from ` +
        `${show(low, chart.unit)} to ${show(high, chart.unit)}; arrow keys read the samples`,
    });
    const readout = make("div", "", { class: "readout", "aria-live": "polite" });
    (head || host).append(readout);
    host.append(box);
    const data = [times(chart), ...chart.lines.map((line) => bridged(line.values))];
    const first = Math.min(data[0][0], ...chart.reach);
    const last = Math.max((chart.start + chart.count * chart.step) / 1000, ...chart.reach);
    const axis = (more) => ({
      stroke: () => colour("--soft"), grid: { stroke: () => colour("--line"), width: 1 },
      ticks: { stroke: () => colour("--line"), width: 1 }, ...more,
    });
    const options = {
      width: Math.max(280, host.clientWidth), height, padding: [isNamed ? 18 : 8, 26, 0, 0],
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      cursor: { sync: { key: "job" }, drag: { x: true, y: false }, points: { show: false },
                dataIdx: (plot, series, index) => index },
      scales: { x: { time: true, min: first, max: last },
                y: { range: (plot, low, high) =>
                     chart.unit === "%" ? [0, 100] : [0, Math.max(high || 0, 1e-9) * 1.05] } },
      axes: [axis({ space: 96, incrs: TICKS, values: [
               [3600 * 24 * 365, "{YYYY}", null, null, null, null, null, null, 1],
               [3600 * 24, "{MM}-{DD}", null, null, null, null, null, null, 1],
               [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, null, null, null, null, 1],
               [0.001, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, null, null, null, null, 1]] }),
             axis({ size: 56, values: (plot, ticks) => ticks.map((t) => `${t}`) })],
      series: [{}, ...chart.lines.map((line, place) => ({
        label: line.label, stroke: () => hue(place), width: 1.4, dash: dash(place),
        points: { show: chart.count < 3 } }))],
      hooks: {
        draw: [(plot) => drawMarks(plot, marks, isNamed)],
        setCursor: [(plot) => {
          const found = nearest(plot, chart);
          readout.textContent = found === null ? "" :
            `${clock(data[0][plot.cursor.idx] * 1000)} UTC  ${chart.lines[found.place].label}: ` +
            show(found.value, chart.unit);
        }],
      },
    };
    const plot = new uPlot(options, data, box);
    redraws.push(() => plot.redraw(false, true));
    let waiting = 0;
    const fit = (given) => {
      const width = given || Math.max(280, host.clientWidth);
      if (width !== plot.width) plot.setSize({ width, height });
    };
    sizes.push(fit);
    new ResizeObserver(() => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(() => fit());
    }).observe(host);
    box.addEventListener("keydown", (event) => keyboard(event, plot, first, last));
    const list = legend(plot, chart);
    if (chart.lines.length > 8) {
      const details = make("details", null, { class: "lines" });
      details.append(make("summary", `${chart.lines.length} lines`), list);
      host.append(details);
    } else host.append(list);
    return plot;
  };

  const keyboard = (event, plot, first, last) => {
    const { min, max } = plot.scales.x;
    const span = max - min;
    const move = (low, high) => plot.setScale("x", { min: low, max: high });
    const at = plot.cursor.idx === null || plot.cursor.idx === undefined ? 0 : plot.cursor.idx;
    const step = (by) => {
      const index = Math.max(0, Math.min(plot.data[0].length - 1, at + by));
      const series = plot.data.slice(1).find((line) => typeof line[index] === "number");
      const top = series ? plot.valToPos(series[index], "y") : 0;
      plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top });
    };
    const acts = {
      ArrowLeft: () => step(-2), ArrowRight: () => step(2), Home: () => step(-1e9),
      End: () => step(1e9), "0": () => move(first, last), "-": () =>
        move(Math.max(first, min - span / 2), Math.min(last, max + span / 2)),
      "+": () => move(min + span / 4, max - span / 4),
    };
    acts["="] = acts["+"];
    if (acts[event.key] && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      acts[event.key]();
    }
  };

  const legend = (plot, chart) => {
    const list = make("ul", null, { class: "legend", "aria-label": "Lines" });
    chart.lines.forEach((line, place) => {
      const button = make("button", null, { type: "button", "aria-pressed": "true" });
      const space = "http://www.w3.org/2000/svg";
      const mark = document.createElementNS(space, "svg");
      mark.setAttribute("width", "22");
      mark.setAttribute("height", "8");
      mark.setAttribute("aria-hidden", "true");
      const stroke = document.createElementNS(space, "line");
      for (const [key, value] of Object.entries({ x1: 0, y1: 4, x2: 22, y2: 4 }))
        stroke.setAttribute(key, value);
      stroke.setAttribute("stroke-width", "2.5");
      stroke.setAttribute("stroke-dasharray", dash(place).join(" "));
      const paint = () => stroke.setAttribute("stroke", hue(place));
      paint();
      redraws.push(paint);
      mark.append(stroke);
      button.append(mark, make("span", line.label));
      button.addEventListener("click", () => {
        const shown = !plot.series[place + 1].show;
        plot.setSeries(place + 1, { show: shown });
        button.setAttribute("aria-pressed", String(shown));
      });
      const item = make("li");
      item.append(button);
      list.append(item);
    });
    return list;
  };

  const rgb = (text) => {
    const value = parseInt(text.slice(1), 16);
    return [value >> 16, (value >> 8) & 255, value & 255];
  };

  // More nodes than lines on the screen share lines; a line shows the lowest of its nodes, or that
  // one of them has no sample, so that a single idle or dead node is seen among a thousand.
  const drawHeat = (host, chart) => {
    const heat = chart.heat;
    const bytes = Uint8Array.from(atob(heat.pixels), (c) => c.charCodeAt(0));
    const nodes = heat.rows.length, columns = heat.columns;
    const rows = Math.min(nodes, 260);
    let order = heat.rows.map((_, node) => node);
    const cell = (row, column) => {
      const last = Math.max(Math.floor((row + 1) * nodes / rows), Math.floor(row * nodes / rows) + 1);
      let found = null;
      for (let at = Math.floor(row * nodes / rows); at < last; at++) {
        const value = bytes[order[at] * columns + column];
        const rank = value === 255 ? (heat.whole ? -1 : 256) : value;
        if (found === null || rank < found.rank) found = { rank, value, node: order[at] };
      }
      return found;
    };
    const canvas = make("canvas", null, {
      class: "heat", width: columns, height: rows, role: "img", tabindex: "0",
      "aria-label": `${chart.title}: ${nodes} nodes over time, 0 to ${heat.top} ${chart.unit}`,
    });
    canvas.style.height = `${Math.max(60, Math.min(260, rows * 12))}px`;
    const readout = make("div", "", { class: "readout", "aria-live": "polite" });
    const paint = () => {
      const context = canvas.getContext("2d");
      const image = context.createImageData(columns, rows);
      const low = rgb(colour("--heat0")), high = rgb(colour("--heat1")), none = rgb(colour("--none"));
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          const { value } = cell(row, column);
          const share = value / 254, at = 4 * (row * columns + column);
          for (let part = 0; part < 3; part++)
            image.data[at + part] =
              value === 255 ? none[part] : low[part] + share * (high[part] - low[part]);
          image.data[at + 3] = 255;
        }
      context.putImageData(image, 0, 0);
    };
    const tell = (row, column) => {
      const { value, node } = cell(row, column);
      const from = chart.start + column / columns * chart.count * chart.step;
      readout.textContent = `${clock(from)} UTC  ${heat.rows[node]}: ` +
        (value === 255 ? "no sample" : show(value / 254 * heat.top, chart.unit)) +
        `; mean ${show(heat.means[node], chart.unit)}`;
    };
    let spot = [0, 0];
    canvas.addEventListener("mousemove", (event) => {
      const frame = canvas.getBoundingClientRect();
      spot = [Math.min(rows - 1, Math.max(0, Math.floor((event.clientY - frame.top) / frame.height * rows))),
              Math.min(columns - 1, Math.max(0, Math.floor((event.clientX - frame.left) / frame.width * columns)))];
      tell(...spot);
    });
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!by) return;
      event.preventDefault();
      spot = [Math.min(rows - 1, Math.max(0, spot[0] + by[0])),
              Math.min(columns - 1, Math.max(0, spot[1] + by[1]))];
      tell(...spot);
    });
    const choice = make("label");
    const tick = make("input", null, { type: "checkbox" });
    choice.append(tick, document.createTextNode("lowest mean first"));
    const each = nodes > rows ? `; a line is the lowest of about ${Math.round(nodes / rows)}` : "";
    const words = make("span");
    const count = nodes.toLocaleString("en");
    const sayRows = () => {
      words.textContent = `${count} nodes, ${heat.rows[order[0]]} at the top${each}`;
    };
    const scale = make("span", null, { class: "scale" });
    scale.append("0", make("i"), show(heat.top, chart.unit), make("i", null, { class: "none" }),
                 "no sample");
    const foot = make("p");
    foot.append(words, choice, scale);
    tick.addEventListener("change", () => {
      order = heat.rows.map((_, node) => node);
      if (tick.checked) order.sort((a, b) => heat.means[a] - heat.means[b]);
      sayRows();
      paint();
    });
    const box = make("div", null, { class: "heatbox" });
    box.append(canvas, foot, readout);
    host.append(box);
    sayRows();
    paint();
    redraws.push(paint);
  };

  const drawCharts = () => {
    const host = document.getElementById("charts");
    if (!host) return;
    const marks = read("mark-data");
    const charts = read("chart-data");
    // From the first thing that happened to the last; where heat maps are, as far as they are.
    const reach = charts.some((chart) => chart.heat) ? [] : marks.map((mark) => mark.time / 1000);
    for (const chart of charts) {
      chart.reach = reach;
      const whole = chart.heat || ["gpu_utilisation", "gpu_power"].includes(chart.id);
      const figure = make("section", null, {
        class: whole ? "chart whole" : "chart", id: `chart-${chart.id}`, "aria-label": chart.title,
      });
      const head = make("div", null, { class: "charthead" });
      head.append(make("h3", `${chart.title} (${chart.unit})`));
      figure.append(head);
      host.append(figure);
      plotChart(figure, chart, marks, whole ? 190 : 160, head, host.childElementCount === 1);
      if (chart.heat) drawHeat(figure, chart);
      if (chart.worst && chart.worst.length) {
        const details = make("details");
        details.append(make("summary", `the ${chart.worst.length} nodes furthest from the median`));
        const inner = make("div");
        details.append(inner);
        details.addEventListener("toggle", () => {
          if (details.open && !inner.childElementCount)
            plotChart(inner, { ...chart, lines: chart.worst }, marks, 190);
        });
        figure.append(details);
      }
    }
  };

  const openBox = (graph, boxes, number) => {
    const panel = document.getElementById("box");
    const svg = document.querySelector("svg.graph");
    const was = graph.dataset.open === String(number);
    for (const other of svg.querySelectorAll(".box")) other.setAttribute("aria-expanded", "false");
    for (const edge of svg.querySelectorAll(".edge")) edge.classList.remove("near");
    svg.classList.toggle("chosen", !was);
    panel.replaceChildren();
    graph.dataset.open = was ? "" : String(number);
    if (was) return;
    svg.querySelector(`[data-box="${number}"]`).setAttribute("aria-expanded", "true");
    for (const edge of svg.querySelectorAll(".edge"))
      if (edge.dataset.ends.split(" ").includes(String(number))) edge.classList.add("near");
    const box = boxes[number];
    panel.append(make("h3", `${box.label}: ${box.count}`));
    for (const [label, attributes] of box.members) {
      const item = make("details");
      item.append(make("summary", label));
      const list = make("dl");
      for (const [name, value] of attributes) list.append(make("dt", name), make("dd", value));
      item.append(list);
      panel.append(item);
    }
    if (box.members.length === 1) panel.querySelector("details").open = true;
    const rest = box.count - box.members.length;
    if (rest > 0) panel.append(make("p", `and ${rest} more, in the document`, { class: "note" }));
  };

  const wireGraph = () => {
    const graph = document.querySelector("svg.graph");
    if (!graph) return;
    const boxes = read("graph-data");
    for (const box of graph.querySelectorAll(".box")) {
      const open = () => openBox(graph, boxes, Number(box.dataset.box));
      box.addEventListener("click", open);
      box.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        open();
      });
    }
  };

  const wireSearch = () => {
    for (const input of document.querySelectorAll("input[data-filter]")) {
      const scope = document.getElementById(input.dataset.filter);
      input.addEventListener("input", () => {
        const wanted = input.value.trim().toLowerCase();
        for (const row of scope.querySelectorAll("tbody tr"))
          row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
        for (const term of scope.querySelectorAll("dt")) {
          const value = term.nextElementSibling;
          const words = `${term.textContent} ${value.textContent}`.toLowerCase();
          term.hidden = value.hidden = wanted !== "" && !words.includes(wanted);
        }
        for (const block of scope.querySelectorAll("details")) {
          const has = block.textContent.toLowerCase().includes(wanted);
          block.hidden = wanted !== "" && !has;
          if (wanted !== "" && has) block.open = true;
        }
      });
    }
  };

  const wireTheme = () => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => redraws.forEach((redraw) => redraw());
    document.getElementById("theme").addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
      root.dataset.theme = dark ? "light" : "dark";
      repaint();
    });
    system.addEventListener("change", repaint);
  };

  // On paper: light, and as wide as a sheet.
  const wirePrint = () => {
    const root = document.documentElement;
    let theme;
    addEventListener("beforeprint", () => {
      theme = root.dataset.theme;
      root.dataset.theme = "light";
      sizes.forEach((fit) => fit(PAPER));
      redraws.forEach((redraw) => redraw());
    });
    addEventListener("afterprint", () => {
      if (theme === undefined) delete root.dataset.theme;
      else root.dataset.theme = theme;
      sizes.forEach((fit) => fit());
      redraws.forEach((redraw) => redraw());
    });
  };

  drawCharts();
  wireGraph();
  wireSearch();
  wireTheme();
  wirePrint();
  document.documentElement.dataset.ready = "true";
})();
