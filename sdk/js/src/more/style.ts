// The card's look. Light and dark follow the page's system colours; a page may set the tokens on
// `siq-intervention`. Everything else is sealed off.

export const STYLE = `:host{all:initial;position:fixed;z-index:999999999;\
inset:auto 16px 16px auto;color-scheme:light dark}\
section,button,a{padding:8px 16px;border:1px solid #8885;border-radius:8px}\
section{width:min(320px,80vw);padding:16px;font:15px/1.5 var(--siq-font,system-ui);color:var(--siq-text,CanvasText);\
background:var(--siq-surface,Canvas);border-radius:16px;box-shadow:0 8px 32px #0003}\
h2{margin:0 32px 8px 0;font-size:16px}\
p{margin:0 0 16px;white-space:pre-line}\
div{display:flex;flex-wrap:wrap;gap:8px}\
button,a{font:inherit;color:inherit;background:0;text-decoration:none}\
div>:first-child{background:var(--siq-accent,#4263eb);color:#fff}\
.x{position:absolute;inset:8px 8px auto auto;padding:0 8px;border:0;font-size:24px}`;
