// The intervene page: says that it is seen, keeps an eye on the visitor, acts once.
"use strict";

const base = location.pathname.replace(/\/$/, "");
const find = (id) => document.getElementById(id);
const buttons = [...document.querySelectorAll("button[data-do]")];
const { due, felt, act: doneBefore, state: stateBefore } = document.body.dataset;
const LIVE_EVERY_MS = 3000;

let nonce = null;
let done = doneBefore ? { act: doneBefore, state: stateBefore || null } : null;
let here = null;

const DONE = {
  send_offer: { title: "Offer sent" },
  open_chat: { title: "Chat opened" },
  decline: { title: "Left alone", text: "Noted. They will not hear from you about this.", kind: "declined" },
};
const PROGRESS = {
  pending: { text: "On its way to their screen.", kind: "sent" },
  waiting: { text: "They have left. It shows if they come back within 10 minutes.", kind: "waiting" },
  shown: { text: "It is on their screen now.", kind: "sent" },
  clicked: { text: "They took it.", kind: "sent" },
  dismissed: { text: "They closed it.", kind: "declined" },
  failed: { text: "Their page could not show it.", kind: "waiting" },
  expired: { text: "They did not come back in time to see it.", kind: "waiting" },
};

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

function ready(on) {
  for (const button of buttons) button.disabled = !on;
}

function problem(text) {
  find("problem").textContent = text;
  find("problem").hidden = !text;
}

function showDone() {
  if (!done) return;
  const word = DONE[done.act] || { title: "Done" };
  let progress = PROGRESS[done.state] || {};
  if (done.state === "pending" && here === false) progress = PROGRESS.waiting;
  find("done-title").textContent = word.title;
  find("done-text").textContent = word.text || progress.text || "";
  find("done").dataset.kind = word.kind || progress.kind || "sent";
  find("acts").hidden = true;
  find("done").hidden = false;
  problem("");
}

function showLive(answer) {
  here = answer.here;
  const seen = here === null ? "unknown" : !here ? "left" : answer.visible ? "here" : "hidden";
  const text = { unknown: "Cannot tell", left: "Left the site", here: "Still here", hidden: "In another tab" };
  find("live").dataset.live = seen;
  if (find("live-text").textContent !== text[seen]) find("live-text").textContent = text[seen];
}

async function see() {
  try {
    const answer = await call("/seen", {});
    if (answer.status !== 200) return problem(answer.body.error);
    nonce = answer.body.nonce;
    done = answer.body.done || done;
    if (done) return showDone();
    problem("");
    ready(true);
  } catch {
    problem("No connection. Trying again…");
    setTimeout(whenVisible, 2000);
  }
}

async function act(name) {
  ready(false);
  problem("");
  try {
    const answer = await call("/act", { act: name, nonce });
    if (answer.body.done) {
      done = answer.body.done;
      showDone();
      if (answer.status === 409) find("done-text").textContent = "This was already answered. " + find("done-text").textContent;
      return look();
    }
    problem(answer.body.error || "That did not work.");
    await see();
  } catch {
    problem("No answer. Please try again.");
    ready(true);
  }
}

async function look() {
  if (document.visibilityState !== "visible") return;
  try {
    const answer = await call("/live");
    if (answer.status !== 200) return;
    showLive(answer.body);
    if (answer.body.done) {
      done = answer.body.done;
      showDone();
    }
  } catch {
    showLive({ here: null });
  }
}

// A page opened in the background, or by a preview, was seen by nobody.
function whenVisible() {
  if (document.visibilityState !== "visible" || nonce) return;
  see();
}

function ago(ms) {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

function tick() {
  const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
  const left = Math.ceil((Number(due) - Date.now()) / 60000);
  find("felt").textContent = ago(Date.now() - Number(felt));
  find("due").textContent = left > 0
    ? `${clock.format(Number(due))}, ${left} min left`
    : `${clock.format(Number(due))}, which has passed`;
}

for (const button of buttons) button.addEventListener("click", () => act(button.dataset.do));
document.addEventListener("visibilitychange", () => { whenVisible(); look(); });
showDone();
tick();
setInterval(tick, 15000);
whenVisible();
look();
setInterval(look, LIVE_EVERY_MS);
