// `on`, for the page.

export function createEmitter<E extends object>() {
  let handlers: [name: keyof E, fn: (event: any) => void][] = [];

  return {
    _on<K extends keyof E>(name: K, fn: (event: E[K]) => void): () => void {
      handlers.push([name, fn]);
      return () => {
        handlers = handlers.filter((h) => h[1] != fn);
      };
    },

    _emit<K extends keyof E>(name: K, event: E[K]) {
      for (const [wanted, fn] of handlers) {
        try {
          if (wanted == name) fn(event);
        } catch (error) {
          // The page's own mistake: shown as such, without stopping us.
          reportError(error);
        }
      }
    },
  };
}
