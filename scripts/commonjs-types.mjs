// Declarations of the CommonJS entries. tsc writes `import x = require('./index.js')`, which a project with `module: node16`
// refuses (TS1471), because only Node.js 20.19 and later can require an ES module. Here each export is named instead, with
// the type that it has in the ES module, so that a class is one and the same for both kinds of modules.
//
//   node scripts/commonjs-types.mjs FOLDER     writes index.d.cts beside each index.d.ts of a built folder that has one
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { Failure, main } from './lib/run.mjs';

const MODULE = "import('./index.js', { with: { 'resolution-mode': 'import' } })";

function writeCommonJsTypes(folder) {
  const entries = readdirSync(folder, { recursive: true })
    .filter((file) => /(?:^|[\\/])index\.d\.cts$/.test(file))
    .map((file) => join(folder, file));
  const modules = entries.map((file) => file.replace(/\.cts$/, '.ts'));
  const program = ts.createProgram(modules, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: true,
    types: ['node'],
  });
  entries.forEach((file, i) => {
    writeFileSync(file, declarations(program, modules[i]));
  });
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
      throw new Failure(`${module}: ${name} cannot be declared for CommonJS by scripts/commonjs-types.mjs.`);
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

await main('commonjs-types', () => {
  writeCommonJsTypes(process.argv[2]);
});
