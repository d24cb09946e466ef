// Compares the syntax trees of TypeScript files in pairs of folders, string constants blanked.
// Usage: typescript.mjs PATH-OF-TYPESCRIPT, pairs on standard input, one `ONE<tab>TWO` per line.
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ts = createRequire(import.meta.url)(process.argv[2]);
const BLANK = new Set([
  ts.SyntaxKind.StringLiteral,
  ts.SyntaxKind.NoSubstitutionTemplateLiteral,
]);

function shape(path) {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, false);
  const parts = [];
  (function walk(node) {
    parts.push(node.kind);
    if (ts.isIdentifier(node)) parts.push(node.text);
    if (BLANK.has(node.kind)) return;
    ts.forEachChild(node, walk);
    parts.push(')');
  })(source);
  return parts.join(' ') + source.parseDiagnostics.length;
}

let found = 0;
for (const line of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const [one, two] = line.split('\t');
  for (const name of readdirSync(one, { recursive: true })) {
    if (!/\.[cm]?[jt]s$/.test(name) || !existsSync(join(two, name))) continue;
    if (shape(join(one, name)) !== shape(join(two, name))) {
      console.log(join(two, name));
      found += 1;
    }
  }
}
process.exit(found ? 1 : 0);
