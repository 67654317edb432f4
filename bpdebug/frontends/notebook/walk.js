// The front of bpdebug.widget.Walk: what is pressed or typed goes to the session, and what it shows comes back.
const KEYS = {
  ArrowRight: "step", s: "step", ArrowLeft: "reverse-step", S: "reverse-step", i: "stepi", I: "reverse-stepi",
  n: "next", N: "reverse-next", c: "continue", C: "reverse-continue", Home: "seek begin", End: "seek end",
};
const BUTTONS = { "|←": "seek begin", "←": "reverse-step", "→": "step", "‹": "reverse-stepi", "›": "stepi", "→|": "seek end" };

function render({ model, el }) {
  const bar = document.createElement("div"), line = document.createElement("input"), stage = document.createElement("div");
  for (const [sign, command] of Object.entries(BUTTONS)) {
    const button = document.createElement("button");
    button.textContent = sign;
    button.title = command;
    button.onclick = () => model.send(command);
    bar.append(button);
  }
  line.placeholder = line.ariaLabel = model.get("label");
  bar.append(line);
  stage.tabIndex = 0;
  stage.role = "status";
  const draw = () => { stage.innerHTML = model.get("shown"); };
  model.on("change:shown", draw);
  stage.onkeydown = (event) => {
    const command = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    if (!command) return;
    event.preventDefault();
    event.stopPropagation();
    model.send(command);
  };
  line.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key !== "Enter") return;
    model.send(line.value);
    line.value = "";
  };
  el.append(bar, stage);
  draw();
}

export default { render };
