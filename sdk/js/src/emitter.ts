// `on`, for the page.

export function createEmitter<E extends object>() {
  const handlers = new Map<keyof E, Set<(event: any) => void>>();

  return {
    _on<K extends keyof E>(name: K, fn: (event: E[K]) => void): () => void {
      const set = handlers.get(name) || new Set();
      handlers.set(name, set.add(fn));
      return () => set.delete(fn);
    },

    _emit<K extends keyof E>(name: K, event: E[K]) {
      for (const fn of handlers.get(name) || []) {
        try {
          fn(event);
        } catch (error) {
          // The page's own mistake: shown as such, without stopping us.
          reportError(error);
        }
      }
    },
  };
}
