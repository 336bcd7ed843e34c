// The intervene page: says that it is seen, keeps an eye on the visitor, acts.
"use strict";

const base = location.pathname.replace(/\/$/, "");
const find = (id) => document.getElementById(id);
const buttons = [...document.querySelectorAll("button[data-do], button[data-opens]")];
const LIVE_EVERY_MS = 2000;

let nonce = null;
let state = JSON.parse(document.body.dataset.state);
let heardAt = Date.now();
let busy = false;
let closed = false;
let told = "";

async function call(path, body) {
  const answer = await fetch(base + path, {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    signal: AbortSignal.timeout(8000),
  });
  return { status: answer.status, body: await answer.json() };
}

function problem(text) {
  find("problem").textContent = text || "";
  find("problem").hidden = !text;
}

function say(id, text) {
  // Said again, the same words would be read out again; what ticks is shown, and said once.
  if (find(id).textContent !== text) find(id).textContent = text;
}

function ago(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 90) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours} h ago` : `${Math.round(hours / 24)} d ago`;
}

function showLive() {
  const { here, visible, left_ms } = state;
  const seen = here === null ? "unknown" : !here ? "left" : visible ? "here" : "hidden";
  const words = { unknown: "Cannot tell", left: "Left the site", here: "Still here", hidden: "In another tab" };
  const left = seen === "left" && left_ms !== null;
  find("live").dataset.live = seen;
  say("live-text", left ? `Left ${ago(left_ms + Date.now() - heardAt)}` : words[seen]);
  say("live-said", `The visitor: ${words[seen]}`);
}

function showActs() {
  const act = state.acts.at(-1);
  find("done").hidden = !act;
  if (act) {
    const left = Math.ceil((act.open_ms - (Date.now() - heardAt)) / 1000);
    say("done-title", act.title);
    say("done-text", act.text.replace("{s}", Math.max(0, left)));
    if (told !== act.text) say("done-said", act.text.replace("{s}", Math.max(0, left)));
    told = act.text;
    find("done").dataset.tone = act.tone;
    find("undo").hidden = !act.undo || left <= 0;
    find("undo").dataset.id = act.id;
    find("undo").disabled = !nonce || busy;
  }
  find("acts").hidden = state.closed || closed;
  for (const button of buttons) {
    const given = state.given.includes(button.dataset.do);
    button.hidden = given || (button.dataset.opens === "nothing" && state.given.length > 0);
    button.disabled = !nonce || busy;
  }
  const offer = document.querySelector("[data-says=offer]");
  if (state.here !== null) {
    offer.textContent = state.here ? "On their screen at once" : "By e-mail, or when they come back";
  }
}

function show() {
  showLive();
  showActs();
}

async function see() {
  try {
    const answer = await call("/seen", {});
    if (answer.status !== 200) return problem(answer.body.error);
    nonce = answer.body.nonce;
    problem("");
    show();
  } catch {
    problem("No connection. Trying again…");
    setTimeout(whenVisible, 2000);
  }
}

async function send(path, body) {
  if (busy) return;
  busy = true;
  problem("");
  show();
  let failed = "";
  try {
    const answer = await call(path, { ...body, nonce });
    nonce = answer.body.nonce || null;
    if (answer.body.closed) return shut();
    if (answer.status === 409 && answer.body.done) failed = "Somebody was faster: this was answered already.";
    else if (answer.status !== 200) failed = answer.body.error || "That did not work.";
  } catch {
    failed = "No answer. Please look above whether it was done, and try again if not.";
    nonce = null;
  } finally {
    busy = false;
  }
  await look();
  if (!nonce) await see();
  problem(failed);
}

function shut() {
  closed = true;
  busy = false;
  find("done").hidden = find("acts").hidden = true;
  problem("This link is closed. It leads nowhere any more.");
}

async function look() {
  if (closed || document.visibilityState !== "visible") return;
  try {
    const answer = await call("/live");
    if (answer.status === 410) return shut();
    if (answer.status !== 200) return;
    const before = state;
    state = answer.body;
    heardAt = Date.now();
    if (state.episodes !== before.episodes || state.acts.length !== before.acts.length) await retell();
    // What came since has not been seen yet, and a page that shows it has shown it.
    if (state.episodes > before.episodes) await see();
  } catch {
    state = { ...state, here: null };
  }
  show();
}

async function retell() {
  const answer = await fetch(`${base}/story`, { cache: "no-store", signal: AbortSignal.timeout(8000) });
  if (!answer.ok) return;
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  find("story").replaceChildren(...parsed.body.childNodes);
  tick();
}

// A page opened in the background, or by a preview, was seen by nobody.
function whenVisible() {
  if (document.visibilityState !== "visible" || nonce || closed) return;
  see();
}

function tick() {
  const short = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
  const long = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit", hour12: false });
  const due = Number(document.body.dataset.due);
  const left = Math.ceil((due - Date.now()) / 60000);
  find("felt").textContent = ago(Date.now() - Number(find("felt").dataset.at));
  find("due").textContent = left > 0 ? `${short.format(due)}, ${left} min left` : `${short.format(due)}, which has passed`;
  for (const time of document.querySelectorAll("time[data-clock]")) {
    time.textContent = long.format(Number(time.dataset.clock));
  }
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    if (button.dataset.opens) return find(button.dataset.opens).showModal();
    button.closest("dialog")?.close();
    send("/act", { act: button.dataset.do, to: button.dataset.to || "" });
  });
}
for (const button of document.querySelectorAll("[data-shuts]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
find("undo").addEventListener("click", () => send("/undo", { id: find("undo").dataset.id }));
find("shut").addEventListener("click", () => {
  if (find("shut").dataset.sure) return send("/close", {});
  find("shut").dataset.sure = "yes";
  find("shut").textContent = "Tap again to close it: nobody can open it any more";
});
document.addEventListener("visibilitychange", () => { whenVisible(); look(); });
show();
tick();
setInterval(tick, 15000);
setInterval(show, 1000);
whenVisible();
look();
setInterval(look, LIVE_EVERY_MS);
