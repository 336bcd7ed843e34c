// Lists what the sandbox received, newest first, live. Everything shown is text, never markup.
// Buttons call the service back as the provider would.
"use strict";

const list = document.getElementById("messages");
const NAMES = {
  twilio: "Text message",
  slack: "Slack",
  teams: "Teams",
  pagerduty: "PagerDuty",
  email: "E-mail",
  webhook: "Webhook",
};
const SHOWN_AT_MOST = 300;
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const minute = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const all = [];
const ids = new Map();
let provider = "";
let lastId = 0;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function link(url, text, className) {
  const node = make("a", className, text);
  if (/^https?:\/\//.test(url)) node.href = url;
  node.target = "_blank";
  node.rel = "noreferrer noopener";
  return node;
}

// Text with its URLs made into links, as a phone does.
function linked(text) {
  const parts = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/\S+/g)) {
    parts.append(text.slice(end, match.index), link(match[0], match[0]));
    end = match.index + match[0].length;
  }
  parts.append(text.slice(end));
  return parts;
}

function plain(mrkdwn) {
  return String(mrkdwn)
    .replace(/<!date\^(\d+)\^[^|>]*\|[^>]*>/g, (_, at) => minute.format(at * 1000))
    .replaceAll("*", "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function bubble(message) {
  const node = make("div", "bubble");
  node.append(linked(message.body));
  return node;
}

// Presses as a person would there; what comes of it arrives over the stream.
function press(message, action, text) {
  const node = make("button", "press", text);
  node.type = "button";
  node.addEventListener("click", async () => {
    node.disabled = true;
    const answer = await fetch(`/api/messages/${message.id}/press`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ action }),
    });
    const { status, error } = await answer.json();
    const failed = error ?? (status >= 300 ? `the hook answered ${status}` : "");
    node.after(make("span", "extra", failed || "Taken."));
    node.disabled = !failed;
  });
  return node;
}

function blocks(message) {
  const node = make("div", "block");
  for (const block of message.details.payload?.blocks ?? []) {
    if (block.type === "header") node.append(make("h3", "", block.text?.text));
    if (block.text && block.type === "section") node.append(make("p", "", plain(block.text.text)));
    if (block.fields) {
      const fields = make("div", "fields");
      for (const field of block.fields) {
        const [name, ...rest] = plain(field.text).split("\n");
        const cell = make("div");
        cell.append(make("span", "", name), rest.join(" "));
        fields.append(cell);
      }
      node.append(fields);
    }
    const row = make("div", "buttons");
    for (const element of block.elements ?? []) {
      if (element.type === "mrkdwn") node.append(make("p", "said", plain(element.text)));
      if (element.type !== "button") continue;
      row.append(
        element.url
          ? link(element.url, element.text?.text, "button")
          : press(message, element.action_id, element.text?.text),
      );
    }
    if (row.childNodes.length) node.append(row);
  }
  if (!node.childNodes.length) node.append(message.body);
  return node;
}

function incident(message) {
  const node = make("div", "block pager");
  node.append(make("h3", "", message.body || message.details.dedup_key));
  node.append(make("p", "extra", `${message.details.event_action} · ${message.details.dedup_key}`));
  if (message.details.event_action === "trigger") {
    const row = make("div", "buttons");
    row.append(press(message, "acknowledge", "Acknowledge"), press(message, "resolve", "Resolve"));
    node.append(row);
  }
  return node;
}

function card(message) {
  const node = make("div", "block team");
  node.append(make("p", "letter", message.body));
  const row = make("div", "buttons");
  for (const action of message.details.card?.actions ?? []) row.append(link(action.url ?? "", action.title, "button"));
  node.append(row);
  return node;
}

function mail(message) {
  const node = make("div", "block mail");
  const text = make("p", "letter");
  text.append(linked(message.body.trim()));
  node.append(make("h3", "", message.details.subject), text);
  node.append(make("p", "extra", `From ${message.from}`));
  return node;
}

function json(message) {
  try {
    return make("pre", "", JSON.stringify(JSON.parse(message.body), null, 2));
  } catch {
    return make("pre", "", message.body);
  }
}

const SHOW = { twilio: bubble, slack: blocks, teams: card, pagerduty: incident, email: mail };

function render(message, fresh) {
  const item = make("li", fresh ? "message fresh" : "message");
  const top = make("div", "top");
  const time = make("time", "", clock.format(message.received_at_ms));
  time.dateTime = new Date(message.received_at_ms).toISOString();
  top.append(make("span", `kind kind-${message.provider}`, NAMES[message.provider] ?? message.provider));
  top.append("to", make("span", "to", message.to), time);
  item.append(top);
  item.append((SHOW[message.provider] ?? json)(message));
  const signature = message.details.headers?.["webhook-signature"];
  if (signature) item.append(make("p", "extra", `Signed: ${signature}`));
  if (message.details.segments) {
    const parts = message.details.segments;
    item.append(make("p", "extra", `From ${message.from || "?"} · ${parts} ${parts === 1 ? "part" : "parts"}`));
  }
  return item;
}

function counts() {
  for (const button of document.querySelectorAll("nav button")) {
    const name = button.dataset.provider;
    button.querySelector(".count").textContent = all.filter((one) => !name || one.provider === name).length;
    button.setAttribute("aria-pressed", String(name === provider));
  }
  document.getElementById("empty").hidden = list.childElementCount > 0;
}

function redraw() {
  const wanted = all.filter((one) => !provider || one.provider === provider).slice(-SHOWN_AT_MOST);
  list.replaceChildren(...wanted.reverse().map((one) => render(one, false)));
  counts();
}

function add(message) {
  const known = ids.get(message.id);
  if (known) {  // replaced since, or fetched twice
    if (known.body === message.body) return;
    Object.assign(known, message);
    return redraw();
  }
  ids.set(message.id, message);
  all.push(message);
  if (message.id < lastId) {  // fetched after a newer one came over the stream
    all.sort((a, b) => a.id - b.id);
    return redraw();
  }
  lastId = message.id;
  if (!provider || message.provider === provider) {
    list.prepend(render(message, true));
    while (list.childElementCount > SHOWN_AT_MOST) list.lastChild.remove();
  }
  counts();
}

function status(on) {
  document.getElementById("live").dataset.on = String(on);
  document.getElementById("live-text").textContent = on ? "Live" : "Reconnecting…";
}

// Whatever came before or between connections is fetched when one stands.
async function catchUp() {
  const answer = await fetch("/api/messages");
  for (const message of (await answer.json()).messages) add(message);
}

function follow() {
  const source = new EventSource("/api/stream");
  source.onopen = () => { status(true); catchUp(); };
  source.onerror = () => status(false);
  source.onmessage = (event) => add(JSON.parse(event.data));
}

document.getElementById("clear").addEventListener("click", async () => {
  await fetch("/api/messages", { method: "DELETE" });
  all.length = 0;
  redraw();
});
for (const button of document.querySelectorAll("nav button")) {
  button.addEventListener("click", () => { provider = button.dataset.provider; redraw(); });
}
counts();
follow();
