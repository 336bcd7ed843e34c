// The script tag's way to what is not always needed: a file next to ours, by a script element with our
// nonce, and only if it is the very file this build was made with. The build puts this module in the place
// of load.ts, and the hash.

import { guard } from "./hooks";
import type * as npm from "./load";

declare const MORE: string;
declare const trustedTypes: any;

/** Our own script element. */
export const own = document.currentScript as HTMLScriptElement | null;

export const loadMore: typeof npm.loadMore = () =>
  new Promise((resolve, reject) => {
    const script: any = document.createElement("script");
    let src: any = new URL("sentientiq-more.js", own!.src) + "";
    // Trusted Types: where there are none, or no policy of ours is allowed, a text must do.
    guard(() => {
      src = trustedTypes.createPolicy("sentientiq", { createScriptURL: (url: string) => url }).createScriptURL(src);
    })();
    document.head.append(
      Object.assign(script, {
        src,
        nonce: own!.nonce,
        integrity: MORE,
        crossOrigin: "",
        // The file leaves its function on its own element: no further global.
        onload: () => resolve(script.siq),
        onerror: reject,
      }),
    );
  });
