// node shoot.mjs CHROMIUM WIDTH FOLDER NAME…: draws FOLDER/NAME.json as FOLDER/NAME.png, and says in a line of JSON
// each what every panel shows. The page sees files of this folder only, and no network.
import { readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import sharp from 'sharp';

const HERE = dirname(fileURLToPath(import.meta.url));
const ORIGIN = 'http://preview.invalid/';
const ICONS = 'public/build/img/icons/';
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const LIMIT_MS = 120_000;

const [chromium, width, folder, ...names] = process.argv.slice(2);

async function answer(request) {
  if (request.url().startsWith('data:')) {
    return request.continue();
  }
  const path = request.url().replace(ORIGIN, '');
  const file = path.startsWith(ICONS)
    ? join('node_modules/@grafana/ui/dist/public/img/icons', path.slice(ICONS.length))
    : path;
  try {
    const body = await readFile(join(HERE, file));
    return await request.respond({ status: 200, contentType: TYPES[extname(file)], body });
  } catch {
    return request.respond({ status: 404, body: '' });
  }
}

async function draw(browser, name) {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error.message ?? error).split('\n')[0]));
  await page.setRequestInterception(true);
  page.on('request', answer);
  await page.setViewport({ width: Number(width), height: 600 });
  await page.goto(`${ORIGIN}index.html`, { timeout: LIMIT_MS });
  await page.evaluate((bundle) => window.draw(bundle), JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')));
  await page.waitForSelector('[data-panel]', { timeout: LIMIT_MS });
  await page.evaluate(() => document.fonts.ready);
  await page.waitForNetworkIdle({ idleTime: 500, timeout: LIMIT_MS });
  const panels = await page.$$eval('[data-panel]', (all) =>
    all.map((one) => ({
      id: Number(one.dataset.panel),
      drawn: Number(one.querySelector('[data-drawn]')?.dataset.drawn ?? 0),
      cut: [...one.querySelectorAll('h2')].some((title) => title.scrollWidth > title.clientWidth),
    }))
  );
  // A palette is a third of the bytes, and nobody sees the difference.
  await sharp(await page.screenshot({ fullPage: true })).png({ palette: true, effort: 10 }).toFile(join(folder, `${name}.png`));
  await page.close();
  console.log(JSON.stringify({ name, panels, errors: [...new Set(errors)] }));
}

const browser = await puppeteer.launch({
  executablePath: chromium,
  pipe: true, // the browser ends with this process, however that ends
  protocolTimeout: LIMIT_MS,
  // As root, chromium has no sandbox of its own to use.
  args: ['--hide-scrollbars', '--force-color-profile=srgb', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
});
try {
  for (const name of names) {
    await draw(browser, name);
  }
} finally {
  await browser.close();
}
