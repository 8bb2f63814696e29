"use strict";
// The list and the open mail are brought up to date in place: the reader's scroll, search and tab stay.
const NAMES = { Send: "sent", Delivery: "delivered", Open: "opened", Click: "clicked", Bounce: "bounced",
  Complaint: "spam", Reject: "rejected", DeliveryDelay: "delayed" };
const PAGE = 50, EVERY_MS = 2000;
const $ = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const when = (iso) => new Date(iso).toLocaleString(undefined,
  { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const get = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error((await answer.json()).error || answer.statusText);
  return answer.json();
};

let shown = new Map();      // id -> {card, node}, newest first
let waiting = new Map();    // new mails while the reader is further down
let selected = null, tab = "html", older = null;

function badges(card) {
  const box = make("span", "badges");
  const states = card.states.length > 1 ? card.states.filter((state) => state !== "Send") : card.states;
  for (const state of states) box.append(make("span", `badge ${state}`, NAMES[state] || state));
  const step = [card.tags.journey, card.tags.step].filter(Boolean).join(" · ");
  if (step) box.append(make("span", "step", step));
  return box;
}

function row(card) {
  const item = make("li"), button = make("button", "row");
  const top = make("span", "top");
  top.append(make("span", "to", card.to), make("time", "", when(card.at)));
  const subject = make("div", "subject", card.subject || "(no subject)");
  button.append(top, subject, badges(card));
  button.addEventListener("click", () => choose(card.id, true));
  item.append(button);
  return item;
}

function place(cards, atTop) {
  const nodes = [];
  for (const card of cards) {
    if (shown.has(card.id)) continue;
    const entry = { card, node: row(card) };
    nodes.push([card.id, entry]);
  }
  if (atTop) {
    shown = new Map([...nodes, ...shown]);
    $("rows").prepend(...nodes.map(([, entry]) => entry.node));
  } else {
    for (const [id, entry] of nodes) { shown.set(id, entry); $("rows").append(entry.node); }
  }
  mark();
}

function mark() {
  for (const [id, entry] of shown) {
    entry.node.firstChild.setAttribute("aria-current", String(id === selected));
  }
}

function renew(card) {
  const entry = shown.get(card.id);
  if (!entry || entry.card.states.join() === card.states.join()) return;
  entry.card = card;
  entry.node.querySelector(".badges").replaceWith(badges(card));
}

const query = (before) => `/inbox/messages?limit=${PAGE}&to=${encodeURIComponent($("search").value)}` +
  (before ? `&before=${before}` : "");

async function refresh() {
  const asked = $("search").value;
  const { messages, total, business_time: now } = await get(query());
  if (asked !== $("search").value) return;
  $("total").textContent = `${total.toLocaleString()} mail${total === 1 ? "" : "s"}`;
  $("time").textContent = when(now);
  messages.forEach(renew);
  const fresh = messages.filter((card) => !shown.has(card.id));
  if (shown.size && fresh.length && document.querySelector(".list").scrollTop > 40) {
    fresh.forEach((card) => waiting.set(card.id, card));
    $("fresh").textContent = `${waiting.size}${waiting.size >= PAGE ? "+" : ""} new`;
    $("fresh").hidden = false;
  } else {
    // After a gap of more than a page the list starts anew: holes would hide mails.
    if (fresh.length === PAGE && shown.size) clear();
    if (!shown.size) older = messages.length === PAGE ? messages.at(-1).seq : null;
    place(fresh, true);
  }
  $("more").hidden = older === null;
  $("empty").hidden = shown.size > 0;
  $("empty").textContent = asked ? `No mail to “${asked}”.` : "No mail yet. What is sent appears here by itself.";
}

function clear() { shown.clear(); waiting.clear(); $("rows").replaceChildren(); $("fresh").hidden = true; older = null; }

async function more() {
  const { messages } = await get(query(older));
  older = messages.length === PAGE ? messages.at(-1).seq : null;
  place(messages, false);
  $("more").hidden = older === null;
}

function pairs(list, entries) {
  list.replaceChildren(...entries.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]));
}

async function detail(anew) {
  const id = selected;
  const { message, text, html, events, one_click: oneClick } = await get(`/inbox/${id}/detail`);
  if (id !== selected) return;
  if (anew) {
    $("subject").textContent = message.subject || "(no subject)";
    pairs($("lines"), [["From", message.source], ["To", message.to.concat(message.cc, message.bcc).join(", ")],
      ["Sent", when(message.at)]]);
    $("text").textContent = text ?? "This mail has no text part.";
    $("unsubscribe").disabled = !oneClick;
    $("unsubscribe").title = oneClick ? "" : "The mail has no one-click List-Unsubscribe headers";
    $("tags").replaceChildren(...Object.entries(message.tags).map(([name, value]) => {
      const tag = make("span", "tag", value);
      tag.prepend(make("b", "", name));
      return tag;
    }));
    pairs($("headers"), message.headers.map((header) => [header.name, header.value])
      .concat([["SES message id", message.id], ["Configuration set", message.configuration_set || "none"]]));
    $("links").replaceChildren(...message.links.map((link, number) => {
      const item = make("li"), anchor = make("a", "", link);
      anchor.href = `/c/${id}/${number}`; anchor.target = "_blank"; anchor.rel = "noopener noreferrer";
      item.append(anchor);
      return item;
    }));
    $("said").textContent = "";
    frame(html ? `/inbox/${id}/html` : "about:blank");
    if (!html && tab === "html") show("text");
  }
  $("count").textContent = events.length;
  if ($("events").childElementCount !== events.length || anew) {
    $("events").replaceChildren(...events.map(line));
  }
}

// A new frame each time: changing the source of one would put steps into the browser's history.
function frame(source) {
  const fresh = $("frame").cloneNode();
  fresh.src = source;
  $("frame").replaceWith(fresh);
}

function line(event) {
  const item = make("li"), told = event.detail;
  const what = told.link || [told.bounceType, told.bounceSubType].filter(Boolean).join(" · ") ||
    told.reason || told.complaintFeedbackType || told.smtpResponse || told.userAgent || "";
  item.append(make("time", "", when(event.at)), make("span", `badge ${event.type}`, NAMES[event.type] || event.type),
    make("span", "what", what));
  return item;
}

function show(name) {
  tab = name;
  for (const button of document.querySelectorAll("[data-tab]")) {
    button.setAttribute("aria-selected", String(button.dataset.tab === name));
  }
  for (const pane of document.querySelectorAll("[data-pane]")) pane.hidden = pane.dataset.pane !== name;
}

async function choose(id, remember) {
  selected = id;
  if (remember) history.pushState(null, "", id ? `/inbox/${id}` : "/inbox");
  mark();
  $("main").classList.toggle("reading", Boolean(id));
  $("article").hidden = !id;
  $("none").hidden = Boolean(id);
  if (!id) { frame("about:blank"); return; }
  try {
    await detail(true);
  } catch (error) {
    $("article").hidden = true;
    $("none").hidden = false;
    $("none").textContent = error.message;
  }
}

async function act(deed) {
  $("said").textContent = "…";
  const answer = await fetch(`/inbox/${selected}/${deed}`, { method: "POST" });
  const told = await answer.json();
  const done = { open: "Opened.", complain: "Reported as spam." }[deed] ||
    `${new URL(told.url || location.href).host} answered ${told.status}.`;
  $("said").textContent = told.error || done;
  await detail(false);
}

const fromPath = () => decodeURIComponent(location.pathname.split("/")[2] || "") || null;
document.querySelectorAll("[data-tab]").forEach((button) => button.addEventListener("click", () => show(button.dataset.tab)));
document.querySelectorAll("[data-deed]").forEach((button) => button.addEventListener("click", () => act(button.dataset.deed)));
$("more").addEventListener("click", more);
$("back").addEventListener("click", () => choose(null, true));
$("fresh").addEventListener("click", () => { document.querySelector(".list").scrollTop = 0; clear(); refresh(); });
$("search").addEventListener("input", () => { clear(); refresh(); });
addEventListener("popstate", () => choose(fromPath(), false));
setInterval(async () => {
  if (document.hidden) return;
  try { await refresh(); if (selected && !$("article").hidden) await detail(false); }
  catch { $("total").textContent = "The endpoint does not answer"; }
}, EVERY_MS);
show("html");
refresh();
choose(fromPath(), false);
