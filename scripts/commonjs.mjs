// The CommonJS entries of a package: for each `require` of its package.json, index.cjs (scripts/lib/commonjs-entry.cjs) and
// index.d.cts beside a built index.js. The declarations name each export, with the type that it has in the ES module, so that
// a class is one and the same for both kinds of modules: `import x = require('./index.js')` is refused by projects with
// `module: node16` (TS1471), because only Node.js 20.19 and later can require an ES module.
//
//   node scripts/commonjs.mjs FOLDER BUILT     FOLDER: of package.json; BUILT: what becomes its dist
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { Failure, main } from './lib/run.mjs';

const ENTRY = new URL('lib/commonjs-entry.cjs', import.meta.url);
const MODULE = "import('./index.js', { with: { 'resolution-mode': 'import' } })";

function writeCommonJs(folder, built) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const entries = Object.values(exports)
    .filter((entry) => entry.require)
    .map(({ require }) => join(built, require.default.replace(/^\.\/dist\//, '').replace(/\.cjs$/, '')));
  const program = ts.createProgram(
    entries.map((entry) => `${entry}.d.ts`),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      skipLibCheck: true,
      types: ['node'],
    },
  );
  for (const entry of entries) {
    copyFileSync(ENTRY, `${entry}.cjs`);
    writeFileSync(`${entry}.d.cts`, declarations(program, `${entry}.d.ts`));
  }
}

function declarations(program, module) {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(module);
  const symbol = source && checker.getSymbolAtLocation(source);
  if (!symbol) throw new Failure(`${module} exports nothing.`);
  const values = [];
  const types = [];
  for (const exported of checker.getExportsOfModule(symbol)) {
    const { name } = exported;
    const { flags, declarations = [] } =
      exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (!(flags & ts.SymbolFlags.Value)) types.push(name);
    else if (name === 'default' || declarations.some((one) => ts.isClassDeclaration(one) && one.typeParameters)) {
      throw new Failure(`${module}: ${name} cannot be declared for CommonJS by scripts/commonjs.mjs.`);
    } else {
      values.push(`export declare const ${name}: typeof ${MODULE}.${name};`);
      if (flags & ts.SymbolFlags.Type) values.push(`export type ${name} = ${MODULE}.${name};`);
    }
  }
  const reexport =
    types.length === 0
      ? []
      : [`export type { ${types.join(', ')} } from './index.js' with { 'resolution-mode': 'import' };`];
  return ['/** The CommonJS entry: the same as the ES module. */', ...values, ...reexport, ''].join('\n');
}

await main('commonjs', () => {
  const [folder, built] = process.argv.slice(2);
  writeCommonJs(folder, built);
});
