// The extension of VS Code: it starts `bpdebug dap`, and makes F5 work without a launch.json.
const { spawnSync } = require("child_process");
const vscode = require("vscode");

const TYPE = "bpdebug";

function launch(program) {
  return { type: TYPE, request: "launch", name: "bpdebug", program };
}

// VS Code says nothing where an adapter cannot be started: whether it can is asked here, and said in words.
function adapter(session) {
  const [command, ...first] = vscode.workspace.getConfiguration("bpdebug").get("command");
  const tried = spawnSync(command, [...first, "--version"], { timeout: 20000 });
  if (tried.error || tried.status !== 0) {
    throw new Error(`'${command}' cannot be started. Install it with: pip install bpdebug, or set bpdebug.command.`);
  }
  const folder = session.workspaceFolder && session.workspaceFolder.uri.fsPath;
  return new vscode.DebugAdapterExecutable(command, [...first, "dap"], folder ? { cwd: folder } : undefined);
}

exports.activate = (context) => {
  context.subscriptions.push(
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, { createDebugAdapterDescriptor: adapter }),
    vscode.debug.registerDebugConfigurationProvider(TYPE, {
      resolveDebugConfiguration: (_folder, given) => (given.type ? given : launch("${file}")),
    }),
    vscode.commands.registerCommand("bpdebug.debugFile", (uri) => {
      const editor = vscode.window.activeTextEditor;
      const file = uri || (editor && editor.document.uri);
      return file && vscode.debug.startDebugging(undefined, launch(file.fsPath));
    }),
    // VS Code has no button for an instruction, which is a part of a rule here.
    vscode.commands.registerCommand("bpdebug.stepIntoRule", () => {
      const session = vscode.debug.activeDebugSession;
      return session && session.customRequest("stepIn", { threadId: 1, granularity: "instruction" });
    }),
  );
};
