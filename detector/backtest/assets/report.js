"use strict";
// Draws what is in view from the JSON behind each plot, sorts and filters tables. Text only ever enters as text.
(() => {
  const HEIGHT = 250, EVIDENCE_HEIGHT = 170, CURVE_HEIGHT = 320, FONT = "12px system-ui, sans-serif";
  const LOWEST = -3, HOUR_MS = 3600e3;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = new Map();

  // --- figures ---

  const figure = (x) => (x == null ? "–" : Math.abs(x) >= 1000 ? Math.round(x).toLocaleString("en-US") : String(+x.toPrecision(3)));
  const pad = (n) => String(n).padStart(2, "0");
  const clock = (ms, seconds) => {
    const d = new Date(ms);
    return `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}${seconds ? ":" + pad(d.getUTCSeconds()) : ""}`;
  };
  const date = (ms) => new Date(ms).toISOString().slice(0, 10);
  // What a scope narrows its policy to; `|` in a policy's own id is percent-encoded.
  const part = (scope) => scope.slice(scope.indexOf("|") + 1);
  const unrun = (runs) => {
    const all = [];
    for (let i = 0; i < runs.length; i += 2) for (let n = runs[i + 1]; n > 0; n--) all.push(runs[i]);
    return all;
  };

  function read(host) {
    let node = host;
    while (node.tagName !== "SCRIPT") node = node.nextElementSibling;
    const data = JSON.parse(node.textContent);
    if (!data.steps) return data;
    let at = data.start;
    data.time = [at, ...unrun(data.steps).map((step) => (at += step))];
    const perHour = HOUR_MS / data.step;
    const rate = (column) => column.map((n) => n * perHour);
    data.rate = rate(data.count);
    for (const name of ["expected", "low", "high"]) data[name] = rate(unrun(data[name]));
    for (const name of ["strength", "hourly"]) data[name] = unrun(data[name]);
    data.evidence = data.strength.map((x, i) => x ?? data.hourly[i]);
    return data;
  }

  // --- what lies behind and over the lines ---

  const clip = (u, ms) => Math.min(Math.max(u.valToPos(ms, "x", true), u.bbox.left), u.bbox.left + u.bbox.width);

  function shade(data) {
    return (u) => {
      for (const [from, to, state, scope] of data.spans) {
        const left = clip(u, from), right = clip(u, to);
        if (right <= left) continue;
        u.ctx.fillStyle = css(state === "HALF_OPEN" ? "--half" : "--open");
        u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
      }
    };
  }

  // Writes where there is room from `after` on, and says where the text ends; a text without room is left out.
  function write(u, text, x, y, colour, after = 0) {
    const ratio = uPlot.pxRatio, ctx = u.ctx;
    ctx.font = FONT.replace("12", String(11 * ratio));
    const width = ctx.measureText(text).width;
    const left = Math.max(u.bbox.left, Math.min(x, u.bbox.left + u.bbox.width - width - 4 * ratio));
    if (left < after) return after;
    ctx.fillStyle = css("--page");
    ctx.globalAlpha = 0.8;
    ctx.fillRect(left - 2 * ratio, y - 1 * ratio, width + 4 * ratio, 14 * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillText(text, left, y);
    return left + width + 6 * ratio;
  }

  function upright(u, ms, colour, dash) {
    const x = u.valToPos(ms, "x", true), ratio = uPlot.pxRatio;
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return null;
    u.ctx.strokeStyle = colour;
    u.ctx.lineWidth = 1.5 * ratio;
    u.ctx.setLineDash(dash.map((n) => n * ratio));
    u.ctx.beginPath();
    u.ctx.moveTo(x, u.bbox.top);
    u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
    u.ctx.stroke();
    u.ctx.setLineDash([]);
    return x;
  }

  // Labels stand in rows; one that would cover another of its row is left out (the tables have it).
  function annotate(data, withWords) {
    return (u) => {
      const ratio = uPlot.pxRatio, ends = {};
      u.ctx.save();
      const label = (row, x, text, colour) => {
        if (withWords && x !== null) ends[row] = write(u, text, x + 3 * ratio, u.bbox.top + (2 + 15 * row) * ratio, colour, ends[row]);
      };
      for (const [from, to] of data.incidents) {
        const left = clip(u, from), right = clip(u, to), height = 5 * ratio;
        if (right <= left) continue;
        u.ctx.fillStyle = css("--incident");
        u.ctx.fillRect(left, u.bbox.top + u.bbox.height - height, right - left, height);
        if (withWords) write(u, "labelled incident", left + 3 * ratio, u.bbox.top + u.bbox.height - 21 * ratio, css("--incident"));
      }
      for (const [ms] of data.warnings) label(3, upright(u, ms, css("--warning"), [2, 3]), "warning " + clock(ms, true), css("--warning"));
      for (const [ms] of data.trips) label(0, upright(u, ms, css("--trip"), []), "trip " + clock(ms, true), css("--trip"));
      for (const [from, to, state, scope] of data.spans) {
        if (to > u.scales.x.min && from < u.scales.x.max) label(1, clip(u, from), `${state.toLowerCase().replace("_", "-")} ${part(scope)}`, css("--ink"));
      }
      for (const [ms, name] of data.deploys) label(2, upright(u, ms, css("--deploy"), [4, 4]), "deploy " + name.slice(0, 28), css("--deploy"));
      u.ctx.restore();
    };
  }

  // --- plots ---

  const axis = (more) => ({ stroke: css("--muted"), font: FONT, grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, ...more });
  const timeAxis = (more) => axis({
    space: 80,
    values: (u, splits) => splits.map((ms, i) => {
      const short = splits.length > 1 && splits[1] - splits[0] >= 24 * HOUR_MS;
      if (short) return date(ms);
      return i === 0 || date(splits[i - 1]) !== date(ms) ? `${clock(ms)}\n${date(ms)}` : clock(ms);
    }),
    ...more,
  });
  const line = (label, colour, more) => ({
    label, stroke: css(colour), width: 1.5, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }),
    value: (u, v) => figure(v), ...more,
  });

  function rates(data, width, key, legend) {
    return {
      width, height: HEIGHT, ms: 1, tzDate: (ms) => uPlot.tzDate(new Date(ms), "Etc/UTC"),
      cursor: { sync: { key, scales: ["x", null] }, y: false },
      scales: { y: { range: (u, min, max) => [0, Math.max(1, max) * 1.18] } },
      legend: { mount: legend },
      axes: [timeAxis({ size: 8, values: (u, all) => all.map(() => "") }), axis({ label: "actions per hour", labelFont: FONT, labelSize: 18, size: 62, values: (u, all) => all.map(figure) })],
      bands: [{ series: [4, 3], fill: css("--band") }],
      series: [
        { label: "UTC", value: (u, ms) => (ms == null ? "–" : `${date(ms)} ${clock(ms, true)}`) },
        line("rate", "--rate", { width: 2 }), line("expected", "--expected", { dash: [6, 3] }),
        line("low", "--band", { width: 0 }), line("high", "--band", { width: 0 }),
      ],
      hooks: { drawClear: [shade(data)], draw: [annotate(data, true)] },
    };
  }

  function evidence(data, width, key, legend) {
    const most = Math.max(1, ...data.evidence.map((s) => Math.log10(Math.max(s, 1e-9))));
    const told = (name) => ({ value: (u, v, series, i) => (i == null ? "–" : figure(data[name][i])) });
    return {
      width, height: EVIDENCE_HEIGHT, ms: 1, tzDate: (ms) => uPlot.tzDate(new Date(ms), "Etc/UTC"),
      cursor: { sync: { key, scales: ["x", null] }, y: false },
      legend: { mount: legend },
      scales: { y: { range: [LOWEST - 0.2, most + 0.2] } },
      axes: [timeAxis(), axis({
        label: "evidence", labelFont: FONT, labelSize: 18, size: 62, incrs: [1, 2, 3, 4, 5, 10, 20], space: 22,
        values: (u, all) => all.map((p) => (p === 0 ? "trip 1" : figure(10 ** p))),
      })],
      series: [
        {},
        line("evidence", "--evidence", told("strength")),
        line("highest in its hour", "--evidence", { dash: [2, 4], width: 1, ...told("hourly") }),
      ],
      hooks: { drawClear: [shade(data)], draw: [annotate(data, false), tripLine] },
    };
  }

  function tripLine(u) {
    const y = u.valToPos(0, "y", true), ctx = u.ctx;
    ctx.save();
    ctx.strokeStyle = css("--trip");
    ctx.lineWidth = uPlot.pxRatio;
    ctx.setLineDash([6 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
    ctx.beginPath();
    ctx.moveTo(u.bbox.left, y);
    ctx.lineTo(u.bbox.left + u.bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  function trip(host) {
    const data = read(host), width = host.clientWidth, key = host.id;
    uPlot.sync(key);
    const logs = (column) => column.map((s) => (s == null ? null : Math.max(LOWEST, Math.log10(Math.max(s, 1e-9)))));
    const box = document.createElement("div"), legend = (u, made) => box.append(made);
    box.className = "legend";
    const above = new uPlot(rates(data, width, key, legend), [data.time, data.rate, data.expected, data.low, data.high], host);
    const below = new uPlot(evidence(data, width, key, legend), [data.time, logs(data.strength), logs(data.hourly)], host);
    host.append(box);
    return { plots: [above, below], data, sizes: [HEIGHT, EVIDENCE_HEIGHT] };
  }

  function curve(host) {
    const data = read(host), colour = css("--rate");
    const name = (u) => {
      u.ctx.save();
      data.x.forEach((x, i) => write(u, data.names[i], u.valToPos(x, "x", true) + 6 * uPlot.pxRatio, u.valToPos(data.y[i], "y", true) - 16 * uPlot.pxRatio, css("--ink")));
      u.ctx.restore();
    };
    const most = Math.max(...data.x, 0), top = Math.max(data.most, ...data.y, 1);
    const least = 10 ** Math.floor(Math.log10(Math.min(...data.x.filter((x) => x > 0), 1)));
    const plot = new uPlot({
      width: host.clientWidth, height: CURVE_HEIGHT, legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false, distr: 4, asinh: least, range: [0, (most || 1) * 1.5] }, y: { range: [0, top * 1.1] } },
      axes: [
        axis({ label: data.xLabel, labelFont: FONT, space: 60, values: (u, all) => all.map((x) => (x == null || x < 0 ? "" : figure(x))) }),
        axis({ label: data.yLabel, labelFont: FONT, size: 62, values: (u, all) => all.map(figure) }),
      ],
      series: [{}, { stroke: colour, width: 2, points: { show: true, size: 9, fill: colour } }],
      hooks: { draw: [name] },
    }, [data.x, data.y], host);
    return { plots: [plot], sizes: [CURVE_HEIGHT] };
  }

  // --- lazily: drawn when it comes into view, dropped when it leaves ---

  function draw(host) {
    if (drawn.has(host) || !host.clientWidth) return;
    drawn.set(host, host.className === "curve" ? curve(host) : trip(host));
    host.dataset.drawn = "true";
  }

  function drop(host) {
    drawn.get(host)?.plots.forEach((plot) => plot.destroy());
    host.replaceChildren();
    drawn.delete(host);
    delete host.dataset.drawn;
  }

  const seen = new IntersectionObserver(
    (entries) => entries.forEach((each) => (each.isIntersecting ? draw(each.target) : drop(each.target))),
    { rootMargin: "300px" },
  );
  const hosts = document.querySelectorAll(".plot, .curve");
  hosts.forEach((host) => seen.observe(host));
  const again = () => [...drawn.keys()].forEach((host) => { drop(host); draw(host); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawn.forEach(({ plots, sizes }, host) => plots.forEach((plot, i) => plot.setSize({ width: host.clientWidth, height: sizes[i] })));
  });
  addEventListener("beforeprint", () => hosts.forEach(draw));

  // --- keyboard ---

  document.addEventListener("keydown", (event) => {
    const now = event.target.className === "plot" && drawn.get(event.target);
    if (!now || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const { data, plots: [plot] } = now, last = data.time.length - 1;
    const at = plot.cursor.idx ?? 0, by = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: Math.max(0, at - by), ArrowRight: Math.min(last, at + by), Home: 0, End: last }[event.key];
    plot.setCursor({ left: plot.valToPos(data.time[to], "x") + 0.01, top: 10 });
    event.target.nextElementSibling.textContent =
      `${date(data.time[to])} ${clock(data.time[to], true)}: ${figure(data.rate[to])} actions per hour, ` +
      `${figure(data.expected[to])} expected, evidence ${data.strength[to] == null ? "at most " : ""}${figure(data.evidence[to])} of the trip line`;
  });

  // --- tables of figures, made when asked for ---

  function row(tag, cells) {
    const tr = document.createElement("tr");
    for (const text of cells) tr.appendChild(document.createElement(tag)).textContent = text;
    return tr;
  }

  function table(caption, names, rows) {
    const made = document.createElement("table");
    made.createCaption().textContent = caption;
    const head = made.createTHead().appendChild(row("th", names));
    for (const th of head.children) th.scope = "col";
    const body = made.createTBody();
    rows.forEach((cells) => body.appendChild(row("td", cells)));
    return made;
  }

  document.querySelectorAll(".figures").forEach((details) => details.addEventListener("toggle", () => {
    const box = details.querySelector(".scroll");
    if (!details.open || box.firstChild) return;
    const data = read(details), at = (ms) => `${date(ms)} ${clock(ms, true)}`;
    const events = [
      ...data.trips.map(([ms, scope]) => [ms, "trip", scope]),
      ...data.warnings.map(([ms, scope]) => [ms, "warning", scope]),
      ...data.spans.map(([ms, , state, scope]) => [ms, state, scope]),
      ...data.deploys.map(([ms, name, detail]) => [ms, "deploy", `${name} ${detail}`]),
      ...data.incidents.flatMap(([from, to]) => [[from, "incident begins", ""], [to, "incident fixed", ""]]),
    ].sort((a, b) => a[0] - b[0]);
    box.append(
      table("What happened", ["Time", "What", "Where"], events.map(([ms, ...words]) => [at(ms), ...words])),
      table(`Steps of ${data.step / 1000} s, rates per hour`, ["Time", "Actions", "Rate", "Expected", "Low", "High", "Evidence", "Highest in its hour"],
        data.time.map((ms, i) => [at(ms), ...[data.count, data.rate, data.expected, data.low, data.high, data.strength, data.hourly].map((column) => figure(column[i]))])),
    );
  }));

  // --- sort, filter, open all ---

  document.querySelectorAll("thead button").forEach((button) => button.addEventListener("click", () => {
    const th = button.parentElement, body = th.closest("table").tBodies[0], column = th.cellIndex;
    const down = th.getAttribute("aria-sort") !== "descending";
    for (const each of th.parentElement.children) each.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (tr) => tr.cells[column].dataset.sort ?? tr.cells[column].textContent;
    const order = (a, b) => (isNaN(a) || isNaN(b) ? (a < b ? -1 : a > b ? 1 : 0) : a - b);
    [...body.rows].sort((a, b) => order(value(a), value(b)) * (down ? -1 : 1)).forEach((tr) => body.appendChild(tr));
  }));

  document.querySelectorAll(".tools").forEach((tools) => {
    const items = [...tools.nextElementSibling.children], status = tools.querySelector("[role=status]");
    tools.querySelector("input").addEventListener("input", (event) => {
      const wanted = event.target.value.toLowerCase();
      items.forEach((li) => { li.hidden = !li.dataset.text.toLowerCase().includes(wanted); });
      status.textContent = `${items.filter((li) => !li.hidden).length} of ${items.length} shown`;
    });
    tools.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => {
      items.filter((li) => !li.hidden).forEach((li) => { li.firstElementChild.open = button.dataset.all === "open"; });
    }));
  });

  // A link to a plot opens what holds it.
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const holder = target && target.closest(".entries > li > details");
    if (holder) { holder.open = true; holder.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
