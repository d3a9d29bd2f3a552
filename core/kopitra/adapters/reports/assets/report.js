"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
  const minus = (text) => text.replace("-", "\u2212");
  const percent = (places) => (value) => (value == null ? "" : minus(value.toFixed(places)) + " %");
  const money = (places) => (value) =>
    value == null ? "" : minus(value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }));
  const moment = uPlot.fmtDate("{YYYY}-{MM}-{DD} {HH}:{mm}");
  const DAY = 86400;
  // Least distance of two ticks, their words, and what a tick adds where year, (month,) day (, hour) change; as uPlot wants it.
  const times = [
    [365 * DAY, "{YYYY}", null, null, null, null, null, null, 1],
    [28 * DAY, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [DAY, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
    [0.001, ":{ss}.{fff}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
  ];
  let charts = [];

  const axis = (more) => ({
    stroke: colour("--faint"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    ...more,
  });

  const draw = (element, columns, series, told, ticked, more = {}) => {
    if (!element || !columns[0].length) return;
    const size = () => ({ width: element.clientWidth, height: Number(element.dataset.height) });
    const last = columns[0].length - 1;
    element.replaceChildren();
    const { scale, ...others } = more;
    const chart = new uPlot(
      {
        ...size(),
        tzDate: utc,
        padding: [8, 12, 0, 0],
        cursor: { points: { size: 7 }, drag: { x: true, y: false }, ...(others.sync ? { sync: { key: others.sync } } : {}) },
        scales: { y: scale || {} },
        legend: { live: true },
        axes: [
          axis({ grid: { show: false }, space: 80, size: 44, values: times }),
          axis({ size: 76, values: (_, values) => values.map((value) => (value == null ? "" : ticked(value))) }),
        ],
        series: [
          { label: "UTC", value: (_, value) => (value == null ? "" : moment(utc(value))) },
          ...series.map((each) => ({ spanGaps: true, points: { show: false }, width: 2, value: (_, value) => told(value), ...each })),
        ],
        hooks: {
          ...others.hooks,
          // Where the pointer is elsewhere, the legend tells how it ended.
          setLegend: [(self) => self.cursor.idx == null && self.legend.idx !== last && self.setLegend({ idx: last }, false)],
        },
      },
      columns,
      element,
    );
    chart.setLegend({ idx: last }, false);
    charts.push({ chart, size });
  };

  const joined = (accounts, field) =>
    accounts.length === 1 ? [accounts[0].at, accounts[0][field]] : uPlot.join(accounts.map((each) => [each.at, each[field]]));

  const hue = (index) => colour("--c" + (index % 9));
  const dash = (index) => (index === 0 ? [5, 4] : index > 8 ? [2, 3] : undefined);
  const line = (each, index) => ({ label: each.name, stroke: hue(index), dash: dash(index), width: 2 });
  // The leader is drawn last, so that nobody hides it.
  const leaderLast = (all) => [...all.slice(1), all[0]];
  const lines = () => leaderLast(data.accounts.map(line));

  const faded = (hex, alpha) => {
    const value = parseInt(hex.slice(1), 16);
    return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${alpha})`;
  };

  const level = (at, name) => ({
    draw: [
      (chart) => {
        const y = chart.valToPos(at, "y", true);
        const { ctx, bbox } = chart;
        if (y < bbox.top || y > bbox.top + bbox.height) return;
        ctx.save();
        ctx.strokeStyle = colour(name);
        ctx.lineWidth = devicePixelRatio * 1.5;
        ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
        ctx.restore();
      },
    ],
  });

  const drawAll = () => {
    charts.forEach(({ chart }) => chart.destroy());
    charts = [];
    const whole = percent(0);
    draw(document.getElementById("growth"), joined(leaderLast(data.accounts), "growth"), lines(), percent(2), whole, { sync: "time", hooks: level(0, "--faint") });
    draw(document.getElementById("drawdown"), joined(leaderLast(data.accounts), "drawdown"), lines(), percent(2), whole, { sync: "time" });
    data.accounts.forEach((each, index) => {
      const own = hue(index);
      draw(
        document.getElementById("money-" + index),
        [each.at, each.balance, each.equity],
        [
          { label: "Balance", stroke: colour("--faint"), dash: [5, 4], width: 1.5 },
          { label: "Equity", stroke: own, fill: faded(own, 0.07) },
        ],
        money(each.places),
        money(0),
        { sync: "time" },
      );
    });
    document.querySelectorAll("[data-limit]").forEach((element) => {
      const place = Number(element.dataset.limit);
      const limit = data.limits.find((each) => each.account === place && each.name === element.dataset.name);
      const own = hue(place);
      const top = Math.max(110, ...limit.used) * 1.02;
      draw(element, [limit.at, limit.used], [{ label: "Used", stroke: own, fill: faded(own, 0.12) }], percent(1), whole, {
        sync: "time",
        scale: { range: [0, top] },
        hooks: level(100, "--loss"),
      });
    });
  };

  const button = document.getElementById("theme");
  const wants = matchMedia("(prefers-color-scheme: dark)");
  const show = (theme) => {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    drawAll();
  };
  button.hidden = false;
  button.addEventListener("click", () => show(root.dataset.theme === "dark" ? "light" : "dark"));
  wants.addEventListener("change", () => show(wants.matches ? "dark" : "light"));
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => charts.forEach(({ chart, size }) => chart.setSize(size())));
  });
  show(wants.matches ? "dark" : "light");
})();
