// Compiles single stylesheets with the site's own sass, as its bundler would find them. Run in a scratch tree by
// `themegate check --fast`; reads a list (src/compiler/sheets.rs), writes one .css for each that compiled, and nothing else.
'use strict';

const { createRequire } = require('module');
const { existsSync, readFileSync, statSync, writeFileSync } = require('fs');
const { join, resolve } = require('path');
const { pathToFileURL } = require('url');

const list = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const source = resolve(list.source);
const modules = list.modules;

function leave(why) {
  console.error(`themegate-sass: ${String(why).split('\n')[0]}`);
  process.exit(70);
}

const isFolder = (path) => existsSync(path) && statSync(path).isDirectory();

/** The stylesheet that a package names as its own, if it does. */
function ownSheet(folder) {
  try {
    const facts = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const named = [facts.sass, facts.style, facts.main].find((path) => /\.(s?css|sass)$/.test(path || ''));
    return named && join(folder, named);
  } catch {
    return null;
  }
}

/** webpack: `~package/file`; Vite: `@/file` below the sources; both: a bare package. */
function place(url) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url) || url.startsWith('/')) return null;
  if (/^[@~]\//.test(url)) return join(source, url.slice(2));
  const bare = url.replace(/^~/, '');
  const parts = bare.split('/').slice(0, bare.startsWith('@') ? 2 : 1);
  const folder = join(modules, ...parts);
  if (bare === parts.join('/') && isFolder(folder)) return ownSheet(folder) || folder;
  if (isFolder(folder)) return join(modules, bare);
  return bare === url ? null : join(source, bare);
}

const importer = {
  findFileUrl(url) {
    const path = place(decodeURI(url));
    return path && pathToFileURL(path);
  },
};

let sass;
try {
  sass = createRequire(join(modules, 'themegate.cjs'))(list.compiler);
} catch (error) {
  leave(error.message);
}
if (typeof sass.compile !== 'function') leave(`${list.compiler} is too old to be asked for one stylesheet`);

const options = {
  importers: [importer],
  loadPaths: [join(source, 'styles'), source, modules],
  style: 'expanded',
  alertColor: false,
};
let failed = false;
list.sheets.forEach((sheet, index) => {
  try {
    const { css } = sass.compile(sheet, options);
    writeFileSync(join(list.output, `${index}.css`), css);
  } catch (error) {
    if (error.sassMessage === undefined) leave(error.stack || error);
    failed = true;
    console.error(`Error: [sass] ${error.message}\n`);
  }
});
process.exitCode = failed ? 65 : 0;
