/** A parser of PowerShell from the npm registry: a grammar of tree-sitter's, where no PowerShell can be had. */
import { fileOfPackage, obtainFolder } from "./cache.ts";

const ENGINE = "web-tree-sitter@0.27.2", GRAMMAR = "tree-sitter-powershell@0.26.4";

/** What is used of a node of its tree. */
interface SyntaxNode {
  readonly isError: boolean;
  readonly isMissing: boolean;
  readonly text: string;
  readonly startPosition: { readonly row: number };
  readonly children: readonly SyntaxNode[];
}

/** What is used of web-tree-sitter. */
interface Engine {
  readonly Parser: {
    new (): { setLanguage(language: unknown): void; parse(text: string): { readonly rootNode: SyntaxNode } };
    init(): Promise<void>;
  };
  readonly Language: { load(path: string): Promise<unknown> };
}

/** Answers a function that finds what is no PowerShell in a text, each with its line. */
export async function openPowerShellParser(): Promise<(text: string) => readonly string[]> {
  const folder = await obtainFolder(`${ENGINE}-${GRAMMAR}`, async (folder) => {
    for (const file of ["web-tree-sitter.js", "web-tree-sitter.wasm", "package.json"]) {
      await fileOfPackage(ENGINE, file, folder);
    }
    await fileOfPackage(GRAMMAR, "tree-sitter-powershell.wasm", folder);
  });
  const { Parser, Language }: Engine = await import(`file://${folder}/package/web-tree-sitter.js`);
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(`${folder}/package/tree-sitter-powershell.wasm`));
  return (text) => faultsOf(parser.parse(text).rootNode);
}

function faultsOf(node: SyntaxNode): readonly string[] {
  if (node.isError || node.isMissing) return [`line ${node.startPosition.row + 1}: ${node.text.slice(0, 80)}`];
  return node.children.flatMap(faultsOf);
}
