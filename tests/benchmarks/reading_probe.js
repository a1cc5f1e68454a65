// Runs before the page's own code, the same in both contenders: stamps of input and of what is painted after it.
(() => {
  const views = () => ['baseline', 'follow_up'].map((key) => document.querySelector(`[data-testid=viewport-${key}]`));
  const ready = (view) => view?.dataset.state === 'ready';
  // What ends a trial; `old` and `slice` are what was there when it was armed.
  const reached = {
    case: ({ old }) => views().every((view) => ready(view) && !old.includes(view)),
    slice: ({ slice }) => views().every(ready) && views()[0].dataset.slice !== slice,
    signed: () => /is signed/.test(document.querySelector('[role=dialog] [role=status]')?.textContent ?? ''),
  };
  let trial = null;

  /** After the frame that shows the change has been drawn. */
  function whenPainted(then) {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => then(performance.now());
      port2.postMessage(null);
    });
  }

  function look() {
    const now = trial;
    if (!now || now.start === null || now.over) return;
    if (now.kind === 'case' && !now.seen && views().some((view) => ready(view) && !now.old.includes(view))) {
      now.seen = true;
      whenPainted((at) => (now.first = at - now.start));
    }
    if (!reached[now.kind](now)) return;
    now.over = true;
    whenPainted((at) => now.done({ first: now.first ?? null, all: at - now.start }));
  }

  function begin(event) {
    if (trial && trial.start === null && event.type === trial.on && event.isTrusted) trial.start = event.timeStamp;
  }
  addEventListener('click', begin, true);
  addEventListener('keydown', begin, true);
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['data-state', 'data-slice'],
  });

  window.probe = {
    arm(kind, on) {
      let done;
      const result = new Promise((resolve) => (done = resolve));
      const old = views();
      trial = { kind, on, start: null, old, slice: old[0]?.dataset.slice, done, result };
    },
    result: () =>
      Promise.race([trial.result, new Promise((_, fail) => setTimeout(() => fail(new Error('nothing came')), 60_000))]),
  };
})();
