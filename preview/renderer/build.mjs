// Bundles the page into built/. Fonts and icons are taken from packages; nothing is fetched when it draws.
import { build } from 'esbuild';

await build({
  entryPoints: ['src/page.tsx'],
  outfile: 'built/page.js',
  bundle: true,
  minify: true,
  format: 'iife',
  jsx: 'automatic',
  logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.woff': 'dataurl', '.ttf': 'dataurl', '.woff2': 'dataurl', '.svg': 'dataurl', '.png': 'dataurl' },
});
