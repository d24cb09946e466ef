// The package is ESM; this marks the folder with the CommonJS build as what it is.
import { writeFileSync } from 'node:fs';

writeFileSync(
  new URL('../dist/cjs/package.json', import.meta.url),
  '{\n  "type": "commonjs",\n  "sideEffects": false\n}\n',
);
