// The shop, the status strip and the phone. Only the calls to SentientIQ are what a customer writes.

const $ = (selector, root = document) => root.querySelector(selector);
const money = (n) => n.toLocaleString("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

// --- The catalogue ---------------------------------------------------------------------------------

const PRODUCTS = [
  { id: "lidar", name: "Halo 360 lidar", note: "40 m range, IP67", price: 1890, tint: "sand", tag: "New",
    art: '<ellipse cx="80" cy="92" rx="46" ry="10" class="c-shadow"/><path class="c-dark" d="M44 62h72v22c0 8-16 14-36 14s-36-6-36-14z"/><ellipse class="c-mid" cx="80" cy="62" rx="36" ry="12"/><path class="c-deep" d="M50 40h60v20c0 6-13 11-30 11s-30-5-30-11z"/><path class="c-glow" d="M50 46c0 6 13 11 30 11s30-5 30-11v6c0 6-13 11-30 11s-30-5-30-11z"/><ellipse class="c-dark" cx="80" cy="40" rx="30" ry="10"/><ellipse class="c-mid" cx="80" cy="38" rx="17" ry="5"/>' },
  { id: "gripper", name: "Parallel gripper G2", note: "80 mm stroke, 140 N", price: 2450, tint: "sage",
    art: '<ellipse cx="80" cy="104" rx="40" ry="7" class="c-shadow"/><rect class="c-dark" x="62" y="18" width="36" height="20" rx="4"/><rect class="c-mid" x="48" y="36" width="64" height="24" rx="6"/><circle class="c-glow" cx="80" cy="48" r="5"/><path class="c-deep" d="M50 58h16v20l-4 24h-9l-3-24zM110 58H94v20l4 24h9l3-24z"/><path class="c-light" d="M62 82h4v14h-5zM98 82h-4v14h5z"/>' },
  { id: "servo", name: "Servo joint 75", note: "Harmonic drive, 48 V", price: 1320, tint: "sky",
    art: '<ellipse cx="82" cy="104" rx="44" ry="7" class="c-shadow"/><rect class="c-deep" x="36" y="44" width="72" height="52" rx="10"/><path class="c-dark" d="M44 44h8v52h-8zM58 44h8v52h-8zM72 44h8v52h-8z" opacity=".5"/><circle class="c-mid" cx="104" cy="70" r="32"/><circle class="c-dark" cx="104" cy="70" r="22"/><circle class="c-light" cx="104" cy="70" r="8"/><g class="c-glow"><circle cx="104" cy="53" r="2.5"/><circle cx="104" cy="87" r="2.5"/><circle cx="87" cy="70" r="2.5"/><circle cx="121" cy="70" r="2.5"/></g>' },
  { id: "battery", name: "Field battery 1.2 kWh", note: "Hot-swap, UN 38.3", price: 980, tint: "clay",
    art: '<ellipse cx="80" cy="104" rx="46" ry="7" class="c-shadow"/><path class="c-dark" d="M62 30c0-8 36-8 36 0v8h-8v-4H70v4h-8z"/><rect class="c-deep" x="38" y="36" width="84" height="64" rx="11"/><rect class="c-mid" x="46" y="46" width="68" height="30" rx="5"/><path class="c-glow" d="m83 48-13 15h9l-3 11 14-16h-9z"/><g class="c-light"><rect x="50" y="84" width="12" height="6" rx="2"/><rect x="66" y="84" width="12" height="6" rx="2"/><rect x="82" y="84" width="12" height="6" rx="2"/></g><rect class="c-dark" x="98" y="84" width="12" height="6" rx="2"/>' },
  { id: "torque", name: "Torque sensor FT-6", note: "Six axes, 0.02 N·m", price: 3100, tint: "sky",
    art: '<ellipse cx="80" cy="100" rx="48" ry="8" class="c-shadow"/><path class="c-dark" d="M34 66h92v18c0 9-20 16-46 16s-46-7-46-16z"/><ellipse class="c-mid" cx="80" cy="66" rx="46" ry="17"/><ellipse class="c-deep" cx="80" cy="64" rx="26" ry="9"/><ellipse class="c-dark" cx="80" cy="66" rx="22" ry="6"/><g class="c-light"><ellipse cx="46" cy="66" rx="4" ry="2"/><ellipse cx="114" cy="66" rx="4" ry="2"/><ellipse cx="62" cy="54" rx="4" ry="2"/><ellipse cx="98" cy="54" rx="4" ry="2"/><ellipse cx="62" cy="78" rx="4" ry="2"/><ellipse cx="98" cy="78" rx="4" ry="2"/></g><path class="c-glow" d="M120 80c16 0 18 12 28 10v4c-12 2-16-9-28-9z"/>' },
  { id: "case", name: "Expedition case", note: "Foam cut to your parts", price: 420, tint: "sage",
    art: '<ellipse cx="80" cy="104" rx="52" ry="7" class="c-shadow"/><path class="c-dark" d="M64 34h32a6 6 0 0 1 6 6v6h-8v-4H66v4h-8v-6a6 6 0 0 1 6-6z"/><rect class="c-deep" x="30" y="44" width="100" height="58" rx="9"/><path class="c-mid" d="M30 53a9 9 0 0 1 9-9h82a9 9 0 0 1 9 9v15H30z"/><rect class="c-dark" x="30" y="66" width="100" height="4"/><rect class="c-glow" x="48" y="61" width="13" height="15" rx="3"/><rect class="c-glow" x="99" y="61" width="13" height="15" rx="3"/>' },
];
const product = (id) => PRODUCTS.find((p) => p.id == id);
const art = (p) => `<svg class="art" viewBox="0 0 160 120" aria-hidden="true">${p.art}</svg>`;

const cart = new Map([["gripper", 4], ["lidar", 2]]);
const total = () => [...cart].reduce((sum, [id, n]) => sum + n * product(id).price, 0);

// --- The pages -------------------------------------------------------------------------------------

const catalogue = () => `
  <section class="hero"><div><p class="eyebrow">Autumn catalogue</p><h1>Parts for robots that work outside.</h1></div>
    <p>Tested in mud, salt and snow. Ships from Rotterdam and Reno the same day, on account or by card.</p></section>
  <ul class="grid">${PRODUCTS.map((p) => `
    <li class="product" data-siq="product-${p.id}">
      <div class="tile ${p.tint}">${p.tag ? `<span class="tag">${p.tag}</span>` : ""}${art(p)}</div>
      <div class="about"><h3>${p.name}</h3><p>${p.note}</p></div>
      <div class="buy"><span class="price">${money(p.price)}</span>
        <button class="button add" type="button" data-add="${p.id}" data-siq="add-${p.id}" data-siq-flags="cta"
          aria-label="Add ${p.name} to cart">Add</button></div>
    </li>`).join("")}</ul>`;

const line = ([id, n]) => {
  const p = product(id);
  return `<li class="line" data-siq="line-${id}">
    <div class="thumb ${p.tint}">${art(p)}</div>
    <div class="what"><h3>${p.name}</h3><p>${money(p.price)} each</p></div>
    <div class="stepper" role="group" aria-label="Quantity of ${p.name}">
      <button type="button" data-step="-1" data-id="${id}" data-siq="less-${id}" data-siq-flags="stepper" aria-label="One less">−</button>
      <output>${n}</output>
      <button type="button" data-step="1" data-id="${id}" data-siq="more-${id}" data-siq-flags="stepper" aria-label="One more">+</button>
    </div>
    <strong class="sum">${money(n * p.price)}</strong>
    <button class="remove" type="button" data-remove="${id}" data-siq="remove-${id}" aria-label="Remove ${p.name}">
      <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m4 4 8 8M12 4l-8 8"/></svg></button>
  </li>`;
};

const suggestion = (id) => {
  const p = product(id);
  return `<li data-siq="also-${id}"><div class="thumb ${p.tint}">${art(p)}</div>
    <div><h3>${p.name}</h3><p>${money(p.price)}</p></div>
    <button class="button add" type="button" data-add="${id}" data-siq="also-add-${id}">Add to cart</button></li>`;
};

const checkout = () => `
  <div class="cart">
    <section class="lines"><h1>Your cart</h1>
      <ul>${[...cart].map(line).join("") || '<li class="empty">Nothing here yet. <a href="#/">Browse the catalogue</a></li>'}</ul>
      <p class="promise"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 6h11v10H3zM14 10h4l3 3v3h-7z"/><circle cx="7.5" cy="17.5" r="1.8"/><circle cx="17" cy="17.5" r="1.8"/></svg>
        Free freight over $5,000. Two-year exchange on every part.</p>
      <div class="also"><h2>Goes with these</h2><ul>${["battery", "case"].map(suggestion).join("")}</ul></div></section>
    <form class="summary" data-siq="checkout" data-siq-section="checkout" novalidate>
      <h2>Checkout</h2>
      <label>Purchase order <span>optional</span><input name="po" autocomplete="off" placeholder="PO number"></label>
      <div class="card-line"><svg viewBox="0 0 32 22" aria-hidden="true"><rect width="32" height="22" rx="4"/><path d="M0 6h32v4H0z"/></svg>
        <span>Company card <b>·· 4417</b></span></div>
      <dl><dt>Subtotal</dt><dd id="subtotal">${money(total())}</dd><dt>Freight</dt><dd>Free</dd>
        <dt class="grand">Total</dt><dd class="grand" id="total">${money(total())}</dd></dl>
      <button id="pay-now" class="button pay" type="button" data-siq-flags="cta checkout">Pay now</button>
      <p class="broken">Broken on purpose: nothing answers it.</p>
    </form>
  </div>`;

const route = () => (location.hash.startsWith("#/cart") ? "/cart" : "/");

function render() {
  $("#view").innerHTML = route() == "/cart" ? checkout() : catalogue();
  for (const a of document.querySelectorAll("[data-route]")) {
    if (a.dataset.route == route()) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  // The whole point of the demo: a real button, with a real handler, that does nothing.
  $("#pay-now")?.addEventListener("click", () => {});
  count();
}

function count() {
  $("#cart-count").textContent = [...cart.values()].reduce((a, b) => a + b, 0);
}

function step(id, n) {
  cart.set(id, Math.max(1, cart.get(id) + n));
  const row = $(`[data-siq="line-${id}"]`);
  $("output", row).textContent = cart.get(id);
  $(".sum", row).textContent = money(cart.get(id) * product(id).price);
  $("#subtotal").textContent = $("#total").textContent = money(total());
  count();
}

$("#view").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  const { add, step: by, id, remove } = button.dataset;
  if (by) step(id, Number(by));
  if (remove) cart.delete(remove), render();
  if (add) {
    cart.set(add, (cart.get(add) || 0) + 1);
    SentientIQ.track("added_to_cart", { product: add });
    if (route() == "/cart") return render();
    button.textContent = "Added";
    button.classList.add("done");
    setTimeout(() => (button.textContent = "Add", button.classList.remove("done")), 1200);
    count();
  }
});
$("#view").addEventListener("submit", (e) => e.preventDefault());
addEventListener("hashchange", () => {
  render();
  scrollTo(0, 0);
});
render();

// --- Who is here -----------------------------------------------------------------------------------

function signIn(user) {
  $("#account").innerHTML = `<div class="who"><span class="avatar">${escape(user.name.split(" ").map((w) => w[0]).join(""))}</span>
    <span><b>${escape(user.name)}</b><small>${escape(user.traits?.company_name || user.company)} · ${money(user.traits?.ltv ?? 100000)} account</small></span></div>`;
  SentientIQ.identify({ userId: user.userId, email: user.email, traits: user.traits, token: user.token });
}

// --- The status strip: what SentientIQ tells the page -------------------------------------------------

// Every latency starts at the press that tipped the emotion, which `emotion.t` tells on our clock.
let evidenceAt = 0;
const since = (at = Date.now()) => (evidenceAt && at >= evidenceAt && at - evidenceAt < 10_000 ? `${Math.round(at - evidenceAt)} ms` : "");

function connection(state) {
  $("#connection").dataset.state = state;
  $("#connection span").textContent = state == "open" ? "live" : state;
}

const seen = new Map();
function live(kind, id, label, detail, took = "") {
  $("#events .hint")?.remove();
  const item = seen.get(id) || document.createElement("li");
  if (!seen.has(id)) $("#events").prepend(item);
  seen.set(id, item);
  item.className = kind;
  item.innerHTML = `<b>${escape(label)}</b> ${escape(detail)} ${took && `<em>${took}</em>`}`;
  while ($("#events").children.length > 3) $("#events").lastElementChild.remove();
}

function listen() {
  SentientIQ.on("status", connection);
  const took = new Map();
  SentientIQ.on("emotion", (e) => {
    if (e.rev == 1) {
      evidenceAt = e.t;
      took.set(e.id, since());
    }
    live(e.emotion, e.id, e.emotion, `${Math.round(e.confidence)} % · ${e.trigger.replace(/_/g, " ")}`, took.get(e.id));
  });
  SentientIQ.on("intervention", (i) => {
    const help = i.intervention == "support";
    live("intervention", i.id, help ? "help shown" : `${i.intervention} shown`, i.template.replace(/[_-]/g, " "), help ? since() : "");
  });
  SentientIQ.on("error", (e) => live("error", "error", "error", e.message));
}

// --- The CEO's phone ---------------------------------------------------------------------------------

const linked = (body) =>
  escape(body).replace(/https?:\/\/[^\s<]+[^\s<.,;)]/g, (url) => `<a href="${url}" target="_blank" rel="noopener">${url.replace(/^https?:\/\//, "")}</a>`);

const received = new Set();
function text(message, isNew) {
  if (message.provider != "twilio" || received.has(message.id)) return;
  received.add(message.id);
  $(".no-texts")?.remove();
  const after = isNew && since(message.received_at_ms);
  const at = new Date(message.received_at_ms).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
  $("#texts").insertAdjacentHTML("beforeend", `<article class="text-message ${isNew ? "fresh" : ""}" data-id="${escape(String(message.id))}">
    <p>${linked(message.body)}</p><footer>${at}${after ? ` · ${after} after the press that told` : ""}</footer></article>`);
  $("#texts").scrollTop = $("#texts").scrollHeight;
}

async function phone(sandbox) {
  // The stream first, so that nothing falls between the list and it.
  new EventSource(`${sandbox}/api/stream`).onmessage = ({ data }) => text(JSON.parse(data), true);
  const { messages } = await (await fetch(`${sandbox}/api/messages?provider=twilio`)).json();
  messages.forEach((message) => text(message, false));
}

function tick() {
  $("#phone-clock").textContent = new Date().toLocaleTimeString([], { hour: "numeric", minute: "2-digit" }).replace(/ [AP]M/, "");
}
tick();
setInterval(tick, 10_000);

// --- Start ------------------------------------------------------------------------------------------

fetch("/demo.json").then((r) => r.json()).then((config) => {
  listen();
  SentientIQ.init(config.key, { endpoint: config.endpoint, httpEndpoint: config.httpEndpoint });
  $("#sign-in").addEventListener("click", () => signIn(config.user));
  phone(config.sandbox).catch(() => connection("no sandbox"));
}).catch(() => connection("no demo.json"));
