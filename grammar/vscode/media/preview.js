// Shows what the extension sends, `{svg}` or `{error}`, and tells it which task was clicked: `{task}`. `{ready}` asks
// for the first picture.

(() => {
  // @ts-ignore: the editor puts it there
  const editor = acquireVsCodeApi();
  const nonce = document.currentScript?.nonce ?? "";
  const picture = /** @type {HTMLElement} */ (document.getElementById("picture"));
  const error = /** @type {HTMLElement} */ (document.getElementById("error"));
  let scale = 1;

  window.addEventListener("message", ({ data }) => {
    error.hidden = data.error === undefined;
    error.textContent = data.error ?? "";
    picture.classList.toggle("old", data.error !== undefined);
    if (data.svg !== undefined) {
      show(data.svg);
    }
  });

  /** @param {string} text */
  function show(text) {
    // The page's policy lets no style in that does not know its word: the picture's own is taken out and made anew.
    let rules = "";
    const bare = text.replaceAll(/<style>(.*?)<\/style>/gs, (_, own) => ((rules += own), ""));
    const svg = document.importNode(new DOMParser().parseFromString(bare, "image/svg+xml").documentElement, true);
    const style = document.createElement("style");
    style.nonce = nonce;
    style.textContent = rules;
    svg.prepend(style);
    for (const task of svg.querySelectorAll("g.task")) {
      task.setAttribute("tabindex", "0");
      task.setAttribute("role", "link");
    }
    picture.replaceChildren(svg);
    resize();
  }

  function resize() {
    const svg = picture.querySelector("svg");
    if (svg !== null) {
      svg.style.width = `${svg.viewBox.baseVal.width * scale}px`;
      svg.style.height = "auto";
    }
  }

  /** @param {EventTarget | null} target */
  function open(target) {
    const task = target instanceof Element ? target.closest("g.task") : null;
    const name = task?.querySelector("title")?.textContent?.split("\n")[0];
    if (name) {
      editor.postMessage({ task: name });
    }
  }

  picture.addEventListener("click", ({ target }) => open(target));
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      open(event.target);
    }
  });
  picture.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        scale = Math.min(4, Math.max(0.2, scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1)));
        resize();
      }
    },
    { passive: false },
  );
  editor.postMessage({ ready: true });
})();
