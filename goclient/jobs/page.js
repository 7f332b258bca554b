"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { now, texts, rows, groups, tones } = data;
  const $ = (id) => document.getElementById(id);
  if (rows.length === 0) return;

  // Columns of a row: numbers of texts stand for what many jobs have in common.
  const [ID, STATE, NAME, SITE, TRY, TASK, CREATED, STARTED, ENDED, FILES, BYTES, RATE, REASON, GROUP, TRANSFERS] =
    Array(15).keys();
  const text = (row, column) => texts[row[column]];
  const waited = (row) => row[CREATED] === null ? null : Math.max((row[STARTED] ?? row[ENDED] ?? now) - row[CREATED], 0);
  const ran = (row) => row[STARTED] === null ? null : Math.max((row[ENDED] ?? now) - row[STARTED], 0);

  const shown = {
    count: (n) => n.toLocaleString("en-US"),
    time: (t) => {
      const when = new Date(t * 1000), month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")[when.getUTCMonth()];
      return `${when.getUTCDate()} ${month} ${when.toISOString().slice(11, 16)}`;
    },
    seconds: (s) => `${Math.floor(s / 3600)}:${[s / 60 % 60, s % 60].map((n) => String(Math.floor(n)).padStart(2, "0")).join(":")}`,
    bytes: (n) => {
      let unit = 0;
      for (; n >= 999.5 && unit < 6; unit++) n /= 1000;
      return `${unit && n < 9.95 ? n.toFixed(1) : Math.round(n)} ${["B", "kB", "MB", "GB", "TB", "PB", "EB"][unit]}`;
    },
    rate: (n) => `${shown.bytes(n)}/s`,
  };

  const element = (name, content = "", attributes = {}) => {
    const made = document.createElement(name);
    if (content !== "") made.textContent = content;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  // Only https is followed, and never what a job has written but its digits.
  const link = (url, words, label) => url.startsWith("https://")
    ? element("a", words, { href: url, rel: "noopener noreferrer", "aria-label": label }) : element("span", words);

  const transfers = (row, cell) => row[TRANSFERS].forEach(([phase, state, files, bytes, task], at) => {
    const words = texts[state] === "succeeded" ? texts[phase] : `${texts[phase]}: ${texts[state]}`;
    const about = task ? `; transfer task ${task}` : "";
    const more = `${texts[phase]}: ${texts[state]}, ${files} ${files === 1 ? "file" : "files"}, ${shown.bytes(bytes)}${about}`;
    if (at) cell.append(element("br"));
    const made = task ? link(data.globus + task, words, `${more} in Globus`) : element("span", words);
    made.title = more;
    cell.append(made);
  });

  // One object a column: how it is named, ordered and shown; a column in which no job has anything is left out.
  const columns = [
    { head: "PandaID", value: (r) => r[ID], cell: (r, c) => c.append(
      link(data.monitor + r[ID], String(r[ID]), `Job ${r[ID]} in the monitor`)) },
    { head: "State", value: (r) => text(r, STATE),
      cell: (r, c) => {
        c.append(element("span", text(r, STATE), { class: `key ${tones[text(r, STATE)]}` }));
        if (text(r, REASON)) c.append(element("p", text(r, REASON)));
      }, kind: "state" },
    { head: "Site", value: (r) => text(r, SITE), kind: "site" },
    { head: "Try", value: (r) => r[TRY] > 1 ? r[TRY] : null, format: shown.count },
    { head: "Task", value: (r) => r[TASK] || null, kind: "number", cell: (r, c) => c.append(
      link(`${data.task}${r[TASK]}/`, String(r[TASK]), `Task ${r[TASK]} in the monitor`)) },
    { head: "Sent", value: (r) => r[CREATED], format: shown.time, kind: "time" },
    { head: "Waited", value: waited, format: shown.seconds },
    { head: "Ran", value: ran, format: shown.seconds },
    { head: "Ended", value: (r) => r[ENDED], format: shown.time, kind: "time" },
    { head: "Files", value: (r) => r[FILES] || null, format: shown.count },
    { head: "Data", value: (r) => r[BYTES] || null, format: shown.bytes },
    { head: "Rate", value: (r) => r[RATE], format: shown.rate },
    { head: "Transfers", value: (r) => r[TRANSFERS].length || null, cell: transfers, kind: "time" },
    { head: "Name", value: (r) => r[NAME], kind: "name" },
  ].filter(({ value }) => rows.some((row) => value(row) !== null && value(row) !== ""));
  for (const column of columns) column.kind ??= column.format ? "number" : "";

  const line = (row) => {
    const made = element("tr", "", { role: "row" });
    columns.forEach(({ head, value, format, cell, kind }, at) => {
      const one = element(at ? "td" : "th", "", { role: at ? "cell" : "rowheader", "data-head": head });
      if (at === 0) one.scope = "row";
      if (kind) one.className = kind;
      const found = value(row);
      if (found !== null && found !== "") {
        if (cell) cell(row, one);
        else one.textContent = format ? format(found) : found;
      }
      made.append(one);
    });
    return made;
  };

  // What is shown: all rows that match, in their order, and the first so many of them.
  const table = $("table"), body = table.tBodies[0], STEP = 100, MORE = 500;
  let matching = rows, order = { column: null, down: false }, drawn = 0, limit = STEP;

  const draw = () => {
    const lines = document.createDocumentFragment();
    for (; drawn < Math.min(limit, matching.length); drawn++) lines.append(line(matching[drawn]));
    body.append(lines);
    const total = shown.count(matching.length), left = matching.length - drawn;
    const of = matching.length === rows.length ? "" : ` of ${shown.count(rows.length)}`;
    $("count").textContent = left ? `${shown.count(drawn)} shown; ${total}${of} jobs match`
      : `${total}${of} ${rows.length === 1 ? "job" : "jobs"}`;
    if (left && !of) $("count").textContent = `${shown.count(drawn)} of ${total} jobs shown`;
    $("more").hidden = left === 0;
    $("more").textContent = left > MORE ? `Show ${MORE} more` : `Show all ${total}`;
  };

  const compare = (a, b) => {
    if (a === b) return 0;
    if (a === null || a === "") return 1;  // what has nothing comes last, up or down
    if (b === null || b === "") return -1;
    return (a < b ? -1 : 1) * (order.down ? -1 : 1);
  };

  const select = (most) => {
    limit = most;
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = $("state").value, group = $("reason").value;
    matching = rows.filter((row) => {
      if (state && text(row, STATE) !== state) return false;
      if (group && row[GROUP] !== Number(group)) return false;
      if (!words.length) return true;
      const tasks = row[TRANSFERS].map((transfer) => transfer[4]);  // as Globus names them in its letters
      const all = [row[ID], row[NAME], text(row, STATE), text(row, SITE), text(row, REASON), row[TASK], ...tasks].join(" ");
      return words.every((word) => all.toLowerCase().includes(word));
    });
    if (order.column) {
      const { value } = order.column;
      matching = matching.map((row) => [value(row), row]).sort((a, b) => compare(a[0], b[0])).map((pair) => pair[1]);
    }
    body.replaceChildren();
    drawn = 0;
    draw();
  };

  for (const column of columns) {
    const head = element("th", "", { scope: "col", role: "columnheader", "aria-sort": "none" });
    if (column.kind === "number") head.className = "number";
    const button = element("button", column.head, { type: "button" });
    button.addEventListener("click", () => {
      order = { column, down: order.column === column && !order.down };
      for (const other of head.parentNode.children) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      select(limit);
    });
    head.append(button);
    table.tHead.rows[0].append(head);
  }
  table.className = "phone";
  for (const part of [table, table.tHead, body]) part.setAttribute("role", part === table ? "table" : "rowgroup");
  table.tHead.rows[0].setAttribute("role", "row");

  for (const state of [...new Set(rows.map((row) => text(row, STATE)))].sort())
    $("state").append(element("option", state, { value: state }));
  groups.forEach((group, at) => $("reason").append(element("option", group, { value: at })));
  $("reason-label").hidden = groups.length === 0;

  $("search").addEventListener("input", () => select(STEP));
  $("state").addEventListener("change", () => select(STEP));
  $("reason").addEventListener("change", () => select(STEP));
  const form = $("search").form;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => select(STEP)));
  $("more").addEventListener("click", () => {
    const first = drawn;
    limit = drawn + MORE;
    draw();
    const head = body.rows[first].cells[0];  // where who has asked for more goes on: the button may be gone
    head.tabIndex = -1;
    head.focus({ preventScroll: true });
  });
  for (const button of document.querySelectorAll("button[data-group]")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      form.reset();
      $("reason").value = button.dataset.group;
      select(STEP);
      $("jobs").focus();
      $("jobs").scrollIntoView();
    });
  }
  select(STEP);
  for (const part of [$("jobs"), document.querySelector(".skip")]) part.hidden = false;
})();
