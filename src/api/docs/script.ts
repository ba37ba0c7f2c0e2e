/**
 * The only script of the documentation page: the search. The page is complete without it; elements that need it are
 * hidden until it runs. It searches the page itself, so there is no index to load.
 */
export const SCRIPT = `
(() => {
  const field = document.querySelector('.search input')
  const status = document.querySelector('.search output')
  const entries = [...document.querySelectorAll('nav li a')]
  const targets = [...document.querySelectorAll('main details.operation, main .problems tr[id]')]
  const plain = (text) => text.toLowerCase().replace(/\\s+/g, ' ')
  const linksById = new Map(entries.map((link) => [link.getAttribute('href').slice(1), link]))
  let index

  function makeIndex() {
    return targets.map((element) => {
      const id = element.id || element.querySelector('article').id
      const title = element.querySelector('summary') || element
      const tag = element.closest('section').querySelector('h2')
      return { element, link: linksById.get(id), title: plain(title.textContent + ' ' + tag.textContent), text: plain(element.textContent) }
    })
  }

  function find(query) {
    const words = plain(query).split(' ').filter(Boolean)
    const having = (part) => index.filter((entry) => words.every((word) => entry[part].includes(word)))
    const named = having('title')
    return named.length > 0 ? named : having('text')
  }

  function search() {
    index = index || makeIndex()
    const query = field.value.trim()
    const found = new Set(query ? find(query) : index)
    for (const entry of index) {
      entry.element.hidden = !found.has(entry)
      if (entry.link) entry.link.parentElement.hidden = !found.has(entry)
    }
    document.documentElement.classList.toggle('searching', query !== '')
    for (const group of document.querySelectorAll('main section, nav .group'))
      group.hidden = query !== '' && !group.querySelector('details.operation:not([hidden]), .problems tr[id]:not([hidden]), .entries li:not([hidden])')
    status.textContent = query ? (found.size === 1 ? '1 result' : found.size + ' results') : ''
    return [...found]
  }

  function shortcut(event) {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)
    if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault()
      field.focus()
      field.select()
    }
  }

  function keys(event) {
    if (event.key === 'Escape') {
      field.value = ''
      search()
    }
    if (event.key !== 'Enter' && event.key !== 'ArrowDown') return
    event.preventDefault()
    const first = search()[0]
    if (!first || !field.value.trim()) return
    const heading = first.element.querySelector('summary, a')
    if (event.key === 'Enter' && first.element.tagName === 'DETAILS') first.element.open = true
    heading.focus()
    first.element.scrollIntoView({ block: 'start' })
  }

  /** Older browsers do not open the element that contains a fragment's target. */
  function reveal() {
    const id = decodeURIComponent(location.hash.slice(1))
    const target = id && document.getElementById(id)
    const holder = target && target.closest('details.operation')
    if (!target) return
    if (target.closest('[hidden]')) {
      field.value = ''
      search()
    }
    if (holder) holder.open = true
    ;(holder || target).scrollIntoView()
  }

  document.querySelector('.search').hidden = false
  field.addEventListener('input', search)
  field.addEventListener('keydown', keys)
  addEventListener('keydown', shortcut)
  addEventListener('hashchange', reveal)
  if (field.value) search()
  reveal()
})()
`
