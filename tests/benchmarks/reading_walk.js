// Evaluated once in a page that is walked through cases: opening, scoring and signing as a reader does, by
// the page's own links, buttons and keys.
(() => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  async function until(what, found, ms = 60_000) {
    for (const end = performance.now() + ms; performance.now() < end; await pause(20)) {
      const result = found();
      if (result) return result;
    }
    throw new Error(`waited for ${what}`);
  }
  const view = (key) => document.querySelector(`[data-testid=viewport-${key}]`);
  const drawn = () => ['baseline', 'follow_up'].every((key) => view(key)?.dataset.state === 'ready');
  const button = (name) => [...document.querySelectorAll('[role=dialog] button')].find(({ textContent }) => textContent === name);
  async function press(key) {
    (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    await pause(0);
  }

  window.walk = {
    /** The reading room's next case, or the first of the worklist; its code. */
    async opens(next) {
      const before = location.pathname;
      const link = next
        ? await until('the offer of the next case', () => button('Next case'))
        : await until('the worklist', () => document.querySelector('a[aria-label^="Read case "]'));
      link.click();
      await until('the case', () => location.pathname !== before);
      await until('the images', drawn);
      return location.pathname.split('/').at(-1);
    },

    async signs(password) {
      for (const scan of ['b', 'f']) {
        await press(scan);
        for (let row = 0; row < 9; row += 1) await press('ArrowUp');
        for (const grade of '000000010') {
          await press(grade);
          await press('ArrowDown');
        }
      }
      await press('Enter');
      const field = await until('the password', () => document.querySelector('[role=dialog] input[autocomplete=current-password]'));
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, password);
      field.dispatchEvent(new Event('input', { bubbles: true }));
      await pause(0);
      field.form.requestSubmit();
      await until('the signature', () => /is signed/.test(document.querySelector('[role=dialog] [role=status]')?.textContent ?? ''));
    },

    /** The same case on the bare page, all its frames loaded. */
    async shows(code) {
      const { scans } = await (await fetch(`/api/reading/cases/${code}/`)).json();
      const series = scans.map(({ key, study_uid, series_uid, instances }) => ({
        key,
        url: `/api/reading/cases/${code}/wado/studies/${study_uid}/series/${series_uid}`,
        sops: instances.toSorted((a, b) => a.index - b.index).map(({ sop_uid }) => sop_uid),
      }));
      await until('the bare page', () => window.bare);
      await bare.offer(code, series, true);
      document.body.click();
      await until('the images', drawn);
    },
  };
})();
