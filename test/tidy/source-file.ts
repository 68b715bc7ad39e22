/**
 * What one source file offers and takes, read from its syntax tree: exported names, imports with their names, and
 * relative paths in plain strings (a worker thread's file, for instance), which keep a file alive too.
 */
import ts from 'typescript';
import type { TextFile } from './repository.js';

export interface Import {
  /** As written: `./a.js`, `@lockstep/data`, `node:fs`. */
  readonly from: string;
  /** Names as the other file exports them; `*` is all of them. */
  readonly names: readonly string[];
}

export interface Export {
  readonly name: string;
  /** An interface or a type alias. */
  readonly isType: boolean;
  /** Whether its own file refers to it too. */
  readonly isReferred: boolean;
  /** Of a re-export: the other module, and the name there. */
  readonly origin?: { readonly from: string; readonly name: string };
}

export interface SourceFile {
  readonly path: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** Plain strings that look like a relative module. */
  readonly mentions: readonly string[];
  /** All plain strings, for packages that are found by name at run time. */
  readonly strings: ReadonlySet<string>;
}

export function readSourceFile({ path, text }: TextFile): SourceFile {
  const kind = path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS;
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, kind);
  const strings = new Set<string>();
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) strings.add(node.text);
    const found = importOf(node);
    if (found !== undefined) imports.push(found);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const mentions = [...strings].filter((text) => /^\.{1,2}\/[\w./-]+\.(m?js|ts)$/.test(text));
  const referred = new Set([...typesReferredTo(tree), ...namesUsed(tree)]);
  const exports = tree.statements.flatMap((statement) => exportsOf(statement, referred));
  return { path, imports, exports, mentions, strings };
}

/** Names of the types that are used anywhere in the file, outside of their own declarations. */
function typesReferredTo(tree: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  for (const statement of tree.statements) {
    const own = isTypeDeclaration(statement) ? statement.name.text : undefined;
    const visit = (node: ts.Node): void => {
      const name = typeReferredTo(node);
      if (name !== undefined && name !== own) names.add(name);
      ts.forEachChild(node, visit);
    };
    visit(statement);
  }
  return names;
}

/** Names of values that occur a second time: declared once, used somewhere. */
function namesUsed(tree: ts.SourceFile): Set<string> {
  const counts = new Map<string, number>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
    ts.forEachChild(node, visit);
  };
  tree.statements.filter((statement) => !isTypeDeclaration(statement)).forEach(visit);
  return new Set([...counts].filter(([, count]) => count > 1).map(([name]) => name));
}

function typeReferredTo(node: ts.Node): string | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName.getText();
  return ts.isExpressionWithTypeArguments(node) ? node.expression.getText() : undefined;
}

function isTypeDeclaration(node: ts.Node): node is ts.InterfaceDeclaration | ts.TypeAliasDeclaration {
  return ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
}

/** Every form of import and re-export; `undefined` for any other node. */
function importOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return { from: node.moduleSpecifier.text, names: namesOfClause(node.importClause) };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.exportClause;
    const names = clause !== undefined && ts.isNamedExports(clause) ? clause.elements.map(originalName) : ['*'];
    return { from: node.moduleSpecifier.text, names };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [from] = node.arguments;
    return from !== undefined && ts.isStringLiteralLike(from) ? { from: from.text, names: ['*'] } : undefined;
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    const { qualifier } = node;
    const first = qualifier === undefined ? '*' : (qualifier.getText().split('.')[0] ?? '*');
    return { from: node.argument.literal.text, names: [first] };
  }
  return undefined;
}

function namesOfClause(clause: ts.ImportClause | undefined): string[] {
  if (clause === undefined) return [];
  const names = clause.name === undefined ? [] : ['default'];
  if (clause.namedBindings === undefined) return names;
  return ts.isNamespaceImport(clause.namedBindings)
    ? ['*']
    : [...names, ...clause.namedBindings.elements.map(originalName)];
}

/** `a` of `a as b`. */
function originalName(element: ts.ImportSpecifier | ts.ExportSpecifier): string {
  return (element.propertyName ?? element.name).text;
}

/** What a top-level statement exports, by the names that others see. */
function exportsOf(statement: ts.Statement, referred: ReadonlySet<string>): Export[] {
  if (ts.isExportDeclaration(statement)) return reExportsOf(statement);
  const isType = isTypeDeclaration(statement);
  return declaredNames(statement).map((name) => ({ name, isType, isReferred: referred.has(name) }));
}

function reExportsOf({ exportClause, moduleSpecifier }: ts.ExportDeclaration): Export[] {
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
  return exportClause.elements.map((element) => {
    const one = { name: element.name.text, isType: false, isReferred: false };
    const isElsewhere = moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier);
    return isElsewhere ? { ...one, origin: { from: moduleSpecifier.text, name: originalName(element) } } : one;
  });
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isExportAssignment(statement)) return ['default'];
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) return ['default'];
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
  }
  const { name } = statement as ts.DeclarationStatement;
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
}
