/* The script of a report: names under the pointer, tables that sort and filter, the table of images in pages. */
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const link = (image) => data.links[image] && data.folders[data.links[image][0]] + data.links[image][1];
  const format = (value) => (value === null ? '–' : String(value));

  function describe(image) {
    const parts = data.mos ? [`${data.human} ${format(data.mos[image])}`] : [];
    data.predictors.forEach((name, k) => parts.push(`${name} ${format(data.scores[k][image])}`));
    return `${data.names[image]}: ${parts.join(', ')}${link(image) ? ' (click to open)' : ''}`;
  }

  /* Pictures: a set of dots is a group of paths, of which path l holds the dots l, l + layers, … */
  const tip = document.getElementById('tip');
  const reach = 12;

  function dotsOf(svg, images) {
    const dots = [];
    svg.querySelectorAll('g.dots').forEach((group, set) => {
      const paths = [...group.querySelectorAll('path')];
      paths.forEach((path, layer) => {
        const places = (path.getAttribute('d') || '').split('M').slice(1);
        places.forEach((place, i) => {
          const [x, y] = place.split(/[ h]/).map(Number);
          dots.push({ x, y, image: images[set][layer + i * paths.length] });
        });
      });
    });
    return dots;
  }

  for (const figure of document.querySelectorAll('figure[data-plot]')) {
    const images = data.plots[Number(figure.dataset.plot)];
    const plot = figure.querySelector('.plot');
    const svg = plot.querySelector('svg');
    if (images.length === 0) continue;
    let dots;
    let nearest;
    const mark = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
    mark.setAttribute('class', 'mark');
    mark.setAttribute('r', '6');
    const leave = () => {
      nearest = undefined;
      tip.hidden = true;
      mark.remove();
      plot.classList.remove('near');
    };
    plot.addEventListener('pointermove', (event) => {
      dots ??= dotsOf(svg, images);
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      let best = (reach * Math.max(1, scale)) ** 2;
      nearest = undefined;
      for (const dot of dots) {
        const distance = (dot.x - x) ** 2 + (dot.y - y) ** 2;
        if (distance < best) [best, nearest] = [distance, dot];
      }
      if (!nearest) return leave();
      mark.setAttribute('cx', nearest.x);
      mark.setAttribute('cy', nearest.y);
      svg.append(mark);
      plot.classList.toggle('near', Boolean(link(nearest.image)));
      tip.textContent = describe(nearest.image);
      tip.hidden = false;
      const width = tip.offsetWidth;
      tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
      tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)}px`;
    });
    plot.addEventListener('pointerleave', leave);
    plot.addEventListener('click', () => {
      if (nearest && link(nearest.image)) window.open(link(nearest.image), '_blank', 'noopener');
    });
  }

  /** Marks the column that decides the order, and says whether it now descends. */
  function turn(table, column) {
    const heads = [...table.querySelectorAll('thead th')];
    const descending = heads[column].getAttribute('aria-sort') === 'ascending';
    heads.forEach((head) => head.removeAttribute('aria-sort'));
    heads[column].setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    return descending ? -1 : 1;
  }

  /** Numbers by value, text by letters, what is missing last. */
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
    return sign * String(a).localeCompare(String(b), 'en', { numeric: true });
  }

  for (const table of document.querySelectorAll('table[data-sortable]')) {
    const body = table.tBodies[0];
    const valueOf = (row, column) => {
      const cell = row.cells[column];
      if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
      return cell.classList.contains('n') ? null : cell.textContent;
    };
    table.querySelectorAll('thead button').forEach((button, column) => {
      button.addEventListener('click', () => {
        const sign = turn(table, column);
        const rows = [...body.rows].sort((a, b) => compare(valueOf(a, column), valueOf(b, column), sign));
        body.append(...rows);
      });
    });
  }

  for (const input of document.querySelectorAll('input[data-filter]')) {
    input.addEventListener('input', () => {
      const wanted = input.value.toLowerCase();
      for (const row of document.getElementById(input.dataset.filter).tBodies[0].rows) {
        const text = `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase();
        row.hidden = !text.includes(wanted);
      }
    });
  }

  /* The table of images: as many rows as a page has. */
  const perPage = 50;
  const all = document.getElementById('all');
  const columns = [
    (image) => data.names[image],
    ...(data.mos ? [(image) => data.mos[image]] : []),
    ...data.predictors.flatMap((_, k) => [
      (image) => data.scores[k][image],
      ...(data.gaps[k] ? [(image) => data.gaps[k][image]] : []),
    ]),
  ];
  const every = data.names.map((_, image) => image);
  let order = every;
  let shown = order;
  let page = 0;

  function show() {
    const pages = Math.max(1, Math.ceil(shown.length / perPage));
    page = Math.max(0, Math.min(page, pages - 1));
    const rows = shown.slice(page * perPage, (page + 1) * perPage).map((image) => {
      const row = document.createElement('tr');
      columns.forEach((value, column) => {
        const cell = document.createElement(column === 0 ? 'th' : 'td');
        if (column === 0) cell.scope = 'row';
        else cell.className = 'n';
        const address = column === 0 && link(image);
        if (address) {
          const anchor = document.createElement('a');
          anchor.href = address;
          anchor.target = '_blank';
          anchor.rel = 'noopener';
          anchor.textContent = value(image);
          cell.append(anchor);
        } else {
          cell.textContent = format(value(image));
        }
        row.append(cell);
      });
      return row;
    });
    all.tBodies[0].replaceChildren(...rows);
    const from = shown.length === 0 ? 0 : page * perPage + 1;
    document.getElementById('place').textContent =
      `${from} to ${Math.min(shown.length, (page + 1) * perPage)} of ${shown.length} images`;
    document.getElementById('previous').disabled = page === 0;
    document.getElementById('next').disabled = page >= pages - 1;
  }

  function filter() {
    const wanted = document.getElementById('find').value.toLowerCase();
    shown = wanted === '' ? order : order.filter((image) => data.names[image].toLowerCase().includes(wanted));
    page = 0;
    show();
  }

  document.getElementById('find').addEventListener('input', filter);
  document.getElementById('previous').addEventListener('click', () => {
    page--;
    show();
  });
  document.getElementById('next').addEventListener('click', () => {
    page++;
    show();
  });
  all.querySelectorAll('thead button').forEach((button, column) => {
    button.addEventListener('click', () => {
      const sign = turn(all, column);
      const value = columns[column];
      order = [...every].sort((a, b) => compare(value(a), value(b), sign));
      filter();
    });
  });
  show();
})();
