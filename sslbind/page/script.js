"use strict";
// Filters, sorts and copies. Everything is in the page already; nothing is loaded or sent.
(() => {
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const tables = [...document.querySelectorAll("table")].map((table) => {
    const body = table.tBodies[0];
    return { table, body, rows: [...body.rows], limit: Number(table.dataset.limit), texts: null, all: false, more: null };
  });
  const maps = tables.filter((one) => one.table.classList.contains("map"));
  const others = tables.filter((one) => !one.table.classList.contains("map"));
  const filter = document.getElementById("filter");
  const trouble = document.getElementById("trouble");
  const shown = document.getElementById("shown");
  let printing = false;

  function number(value) {
    return value.toLocaleString("en");
  }

  function moreButton(one) {
    if (!one.more) {
      one.more = document.createElement("button");
      one.more.type = "button";
      one.more.className = "more";
      one.more.addEventListener("click", () => {
        one.all = true;
        update();
      });
      one.table.parentElement.after(one.more);
    }
    return one.more;
  }

  function show(one, words, onlyTrouble) {
    if (words.length && !one.texts) {
      one.texts = new Map(one.rows.map((row) => [row, row.textContent.toLowerCase()]));
    }
    let hits = 0;
    for (const row of one.rows) {
      const fits =
        (!onlyTrouble || row.classList.contains("bad") || row.classList.contains("warn")) &&
        words.every((word) => one.texts.get(row).includes(word));
      hits += fits;
      row.hidden = !fits || (hits > one.limit && !one.all && !printing);
    }
    one.table.classList.add("ready");
    if (hits > one.limit && !one.all) {
      moreButton(one).textContent = `Show the other ${number(hits - one.limit)}`;
      one.more.hidden = false;
    } else if (one.more) {
      one.more.hidden = true;
    }
    return hits;
  }

  function update() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let hits = 0;
    let total = 0;
    for (const one of maps) {
      const found = show(one, words, trouble.checked);
      hits += found;
      total += one.rows.length;
      one.table.closest(".port").hidden = !found;
    }
    shown.textContent = `${number(hits)} of ${number(total)} bindings`;
    for (const one of others) {
      show(one, [], false);
    }
  }

  function sort(one, column, header) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentElement.cells) {
      other.removeAttribute("aria-sort");
    }
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const keys = new Map(one.rows.map((row) => [row, row.cells[column].textContent]));
    const sign = descending ? -1 : 1;
    one.rows.sort((a, b) => sign * order.compare(keys.get(a), keys.get(b)));
    one.body.append(...one.rows);
    update();
  }

  async function copy(button) {
    const code = button.previousElementSibling;
    let done = false;
    try {
      await navigator.clipboard.writeText(code.textContent);
      done = true;
    } catch {
      getSelection().selectAllChildren(code);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  }

  for (const one of tables) {
    for (const header of one.table.tHead.rows[0].cells) {
      header.firstElementChild.addEventListener("click", () => sort(one, header.cellIndex, header));
    }
  }
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", () => copy(button));
  }
  filter.form.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", update);
  trouble.addEventListener("change", update);
  addEventListener("beforeprint", () => {
    printing = true;
    update();
  });
  addEventListener("afterprint", () => {
    printing = false;
    update();
  });
  update();
})();
