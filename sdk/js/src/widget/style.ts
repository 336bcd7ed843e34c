// The card's look. Light and dark follow the page's system colours; a page may set the tokens on
// `siq-intervention`. Everything else is sealed off.

export const STYLE = `:host{all:initial;position:fixed;z-index:2147483000;right:24px;bottom:24px;color-scheme:light dark;\
--a:var(--siq-accent,#4263eb)}\
section{width:384px;max-width:90vw;padding:22px;box-sizing:border-box;display:grid;grid-template-columns:44px 1fr;gap:14px;\
font:14.5px/1.5 var(--siq-font,system-ui,sans-serif);color:var(--siq-text,CanvasText);background:var(--siq-surface,Canvas);\
border:1px solid #8883;border-radius:16px;box-shadow:0 16px 48px -12px #10162a55}\
i{height:44px;border-radius:22px 22px 22px 6px;display:grid;place-items:center;background:var(--a);color:#fff;font:700 20px Arial}\
h2{font-size:16px;margin:0 26px 4px 0}\
p{margin:0 0 16px;opacity:.75;white-space:pre-line}\
button,a{font:inherit;cursor:pointer;border:0;border-radius:10px;color:inherit;text-decoration:none;background:none}\
nav{display:flex;flex-wrap:wrap;gap:8px}\
nav>*{padding:8px 14px;font-weight:600;border:1px solid #8885}\
nav>:first-child{background:var(--a);border-color:var(--a);color:#fff}\
nav>:hover{filter:brightness(1.1)}\
.x{position:absolute;top:12px;right:12px;padding:0 9px;font-size:22px;opacity:.7}\
@media(prefers-reduced-motion:no-preference){section{animation:a .35s}@keyframes a{from{opacity:0;transform:translateY(18px)}}}`;

// What the speech bubble says; three dots unless there is a sign for it.
export const SIGNS: Record<string, string> = { discount: "%", support: "?" };
