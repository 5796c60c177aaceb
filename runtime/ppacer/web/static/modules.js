// Modules that are loaded when they are first needed.

// What `load` imports. Where it cannot be had although the program answers, that is another version of the program by
// now, in which this document's modules are no more: the document is loaded again, once for each step of the history.
export async function imported(load) {
  try {
    return await load();
  } catch (error) {
    const answers = await fetch("/health").then(() => true, () => false);
    if (!answers || history.state?.again) throw error;
    history.replaceState({ again: true }, "");
    location.reload();
    return new Promise(() => {}); // this document is left
  }
}
