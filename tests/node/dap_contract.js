// dap_contract.js BPDEBUG TWO_LAYER.toml BROKEN.toml FOLDER
// Every capability that the adapter says it has, asked for as an editor does. Prints all messages that came.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { Client, served, main } = require("./dap_client");

const [bpdebug, twoLayer, broken, folder] = process.argv.slice(2);
const VSCODE = { supportsVariablePaging: true, supportsVariableType: true, supportsInvalidatedEvent: true };
const source = { path: twoLayer };
const text = fs.readFileSync(twoLayer, "utf-8").split("\n");
const lineOf = (words) => text.findIndex((line) => line.startsWith(words)) + 1;
const talks = {};

async function top(client, begins) {
  const [frame] = await client.frames();
  assert.ok(frame.name.startsWith(begins), `${frame.name}: not ${begins}`);
  return frame;
}

async function scope(client, name) {
  const { scopes } = await client.ask("scopes", { frameId: 1 });
  const found = scopes.find((one) => one.name === name);
  return [found, (await client.ask("variables", { variablesReference: found.variablesReference })).variables];
}

const say = (client, expression) => client.ask("evaluate", { expression, context: "repl", frameId: 1 });

talks.breakpoints = async (client) => {
  let made;
  const before = async () => {
    const breakpoints = [{ line: lineOf("L = ") }, { line: 3 }];
    made = (await client.ask("setBreakpoints", { source, breakpoints })).breakpoints;
  };
  const entry = await client.open(twoLayer, { before });
  assert.deepEqual([entry.reason, entry.threadId], ["entry", 1]);
  assert.deepEqual(made.map((one) => one.verified), [true, false]);
  assert.match(made[1].message, /line 3 computes nothing/);
  assert.deepEqual((await client.ask("threads")).threads, [{ id: 1, name: "graph" }]);

  for (const where of ["sub1@fwd", "L@seed"]) { // the line is seven events, and entered twice
    const stop = await client.go("continue");
    assert.deepEqual([stop.reason, stop.hitBreakpointIds], ["breakpoint", [made[0].id]]);
    assert.equal((await top(client, where)).line, lineOf("L = "));
  }
  await client.go("stepBack");
  await top(client, "L@fwd");
  assert.equal((await client.go("reverseContinue")).reason, "breakpoint");
  await top(client, "sub1@fwd");
  assert.equal((await client.go("reverseContinue")).description, "the beginning of the timeline");

  const locations = await client.ask("breakpointLocations", { source, line: 1, endLine: text.length });
  assert.deepEqual(locations.breakpoints.map((one) => one.line), ["Z = ", "H = ", "Y = ", "L = "].map(lineOf));
  await client.ask("setBreakpoints", { source, breakpoints: [{ line: lineOf("Y = "), condition: "event > 5" }] });
  await client.go("continue");
  await top(client, "Y@bwd");
  const logged = [{ line: lineOf("Y = "), logMessage: "Y is {Y[0,0]}" }];
  await client.ask("setBreakpoints", { source, breakpoints: logged });
  assert.equal((await client.go("continue")).description, "the end of the timeline");
  assert.equal((await client.go("reverseContinue")).description, "the beginning of the timeline");
  assert.match(client.outputs(), /Y is 2\n/);
};

talks.functions = async (client) => {
  await client.open("transformer_block", {
    before: async () => {
      const breakpoints = [{ name: "matmul@bwd", hitCondition: ">= 2" }, { name: "nowhere@bwd" }];
      const made = await client.ask("setFunctionBreakpoints", { breakpoints });
      assert.deepEqual(made.breakpoints.map((one) => one.verified), [true, false]);
    },
  });
  const stop = await client.go("continue");
  assert.equal(stop.reason, "function breakpoint");
  const frames = await client.frames();
  assert.ok(frames.length > 2 && frames.at(-1).presentationHint === "label");
  assert.equal(frames.at(-1).name, "backward pass");
  const one = await client.ask("stackTrace", { threadId: 1, startFrame: 1, levels: 1 });
  assert.deepEqual([one.stackFrames, one.totalFrames], [[frames[1]], frames.length]);
  const block = frames[1].name;
  await client.go("stepOut"); // out of the block
  assert.notEqual((await client.frames())[1].name, block);
  await client.ask("setFunctionBreakpoints", { breakpoints: [{ name: `${block}.` }] }); // a block
  assert.equal((await client.go("reverseContinue")).reason, "function breakpoint");
};

talks.data = async (client) => {
  await client.open(twoLayer, { client: VSCODE });
  const [, globals] = await scope(client, "Gradients");
  const gradient = globals.find((one) => one.name === "∂W2");
  assert.equal(gradient.evaluateName, "dW2");
  const [held] = await scope(client, "Gradients");
  const info = await client.ask("dataBreakpointInfo", { variablesReference: held.variablesReference, name: "∂W2" });
  assert.equal(info.dataId, "dW2");
  await client.ask("setDataBreakpoints", { breakpoints: [{ dataId: info.dataId }] });
  const stop = await client.go("continue");
  assert.equal(stop.reason, "data breakpoint");
  assert.match(stop.text, /dW2/);
  await top(client, "Y@bwd");
  const [, contributions] = await scope(client, "Contributions");
  assert.deepEqual(contributions.map((one) => one.name), ["∂H += ∂Y @ W2ᵀ", "∂W2 += Hᵀ @ ∂Y"]);
};

talks.exceptions = async (client) => {
  await client.open("nan_sqrt", {
    before: async () => {
      const filters = client.can.exceptionBreakpointFilters;
      assert.deepEqual(filters.map((f) => f.filter), ["nan", "inf", "zero-grad", "vanish", "explode", "gradcheck"]);
      assert.deepEqual(filters.filter((f) => f.default).map((f) => f.filter), ["nan"]);
      await client.ask("setExceptionBreakpoints", { filters: [], filterOptions: [{ filterId: "nan" }] });
    },
  });
  const stop = await client.go("continue");
  assert.deepEqual([stop.reason, stop.description], ["exception", "catch nan"]);
  const info = await client.ask("exceptionInfo", { threadId: 1 });
  assert.match(info.description, /NaN/);
};

talks.variables = async (client) => {
  await client.open(twoLayer, { client: VSCODE });
  const [operands, shown] = await scope(client, "Operands");
  assert.equal(operands.expensive, false);
  assert.deepEqual(shown.map((one) => one.name), ["X", "W1"]);
  const rows = await client.ask("variables", {
    variablesReference: shown[0].variablesReference, filter: "indexed", start: 1, count: 1,
  });
  assert.deepEqual(rows.variables.map((one) => [one.name, one.value, one.evaluateName]), [["[1]", "[-1.0, 1.0]", "X[1]"]]);
  const [parameters] = await scope(client, "Parameters");
  assert.equal(parameters.expensive, true);
  const invalidated = client.waitForEvent("invalidated");
  const zero = { variablesReference: parameters.variablesReference, name: "W1", value: "0" };
  const set = await client.ask("setVariable", zero);
  assert.match(set.value, /0\.0/);
  await invalidated;
  assert.match(client.outputs(), /fork 1: W1 = 0/);
  for (const context of ["watch", "hover", "variables", "clipboard"]) {
    assert.equal((await client.ask("evaluate", { expression: "norm(W1)", context })).result, "0.0");
  }
  await assert.rejects(client.ask("evaluate", { expression: "nope", context: "watch" }), /nope/);
};

talks.console = async (client) => {
  await client.open(twoLayer);
  const found = await client.ask("completions", { text: "reverse-c", column: 10, frameId: 1 });
  assert.deepEqual(found.targets.map((one) => one.label), ["reverse-continue"]);
  for (const [line, where] of [["seek Y@bwd", "Y@bwd"], ["reverse-next", "sub1@bwd"], ["break Z", "sub1@bwd"],
    ["reverse-continue", "Z@fwd"], ["seek Y@bwd", "Y@bwd"]]) {
    if (line.startsWith("break")) await say(client, line);
    else assert.equal((await client.stop_after(() => say(client, line))).reason, "goto");
    await top(client, where);
  }
  assert.match((await say(client, "lens")).result, /∂H|transpose|Wᵀ|W2ᵀ/);
  assert.match((await say(client, "print dW2")).result, /dW2/);
  await say(client, `transcript ${path.join(folder, "walk.bpd")}`); // on stdio the console may write
  assert.ok(fs.existsSync(path.join(folder, "walk.bpd")));
  await say(client, "display norm(dY)");
  const [, displays] = await scope(client, "Displays");
  assert.equal(displays[0].name, "norm(dY)");
};

talks.places = async (client) => {
  await client.open(twoLayer);
  const { targets } = await client.ask("gotoTargets", { source, line: lineOf("Y = ") });
  assert.deepEqual(targets.map((one) => one.label), ["Y@fwd (event 2)", "Y@bwd (event 10)"]);
  assert.equal((await client.stop_after(() => client.ask("goto", { threadId: 1, targetId: targets[1].id }))).reason, "goto");
  await top(client, "Y@bwd");
  assert.deepEqual((await client.ask("loadedSources")).sources, [{ name: path.basename(twoLayer), path: twoLayer }]);
  await client.go("stepIn", { granularity: "instruction" });
  await top(client, "Y@bwd  matmul  part 1/");
  await client.go("stepBack", { granularity: "instruction" });
  assert.equal((await client.stop_after(() => client.ask("restart"))).reason, "entry");
  await top(client, "Z@fwd");
  assert.equal((await client.go("pause")).reason, "pause");
  await client.ask("cancel", { requestId: 1 });
  await assert.rejects(client.ask("nonsense"), /no request 'nonsense'/);
  await assert.rejects(client.ask("goto", { threadId: 1 }), /targetId/);
  const ended = client.waitForEvent("terminated");
  await client.ask("terminate");
  await ended;
};

talks.launches = async (client) => {
  await assert.rejects(client.open(broken), /unknown|no tensor|Q/);
  const refusal = client.messages.find((one) => one.success === false).body.error.format;
  assert.match(refusal, /^E_NAME .*broken\.toml:\d+/);
  const stop = await client.open("transpose", { launch: { stopOnEntry: false, commands: ["break Y@bwd"] } });
  assert.equal(stop.reason, "breakpoint");
};

talks.attached = async (client) => {
  await client.initializeRequest();
  const initialized = client.waitForEvent("initialized");
  const attached = client.attachRequest({ program: "transpose", noDebug: true });
  await initialized;
  const ended = client.waitForEvent("terminated");
  await client.configurationDoneRequest();
  await Promise.all([attached, ended]);
  assert.ok(client.messages.some((one) => one.event === "exited"));
};

main(async () => {
  const port = await served(bpdebug);
  const found = {};
  for (const [name, talk] of Object.entries(talks)) {
    const client = new Client(bpdebug);
    await client.start(["console", "breakpoints"].includes(name) ? undefined : port); // the others one after the other
    await talk(client);
    await client.stop();
    found[name] = client.messages;
  }
  return found;
});
