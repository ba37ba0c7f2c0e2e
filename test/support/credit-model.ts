/** The credit balance computed one grant after the other: the model for random histories. */

export interface ModelGrant {
  readonly id: string
  remaining: bigint
  burned: bigint
  readonly expiresAt: number | null
  readonly priority: number
  readonly order: number
  isOver: boolean
  /** The part that was refunded after it was spent. It is taken when it returns. */
  shortfall: bigint
}

export class CreditModel {
  readonly grants: ModelGrant[] = []
  charged = 0n
  burned = 0n
  isUsed = false
  /** Whether the plan goes on without credits. */
  goesOn = false
  /** Charged beyond the credits of a plan that does not. */
  owed = 0n

  add(id: string, amount: bigint, expiresAt: number | null, priority: number): ModelGrant {
    this.isUsed = true
    const order = this.grants.length
    const grant = { id, remaining: amount, burned: 0n, expiresAt, priority, order, isOver: false, shortfall: 0n }
    this.grants.push(grant)
    return grant
  }

  /** Charges from before the first grant belong to no grant. */
  charge(amount: bigint): void {
    if (this.isUsed) this.charged += amount
  }

  settle(now: number): void {
    for (const grant of this.inOrder()) this.pay(grant)
    const hasEnded = (grant: ModelGrant) => grant.isOver || isOver(grant, now)
    const returning = this.inOrder().toReversed()
    for (const grant of returning.filter((one) => !hasEnded(one))) this.giveBack(grant)
    for (const grant of returning.filter(hasEnded)) this.giveBack(grant)
    for (const grant of this.grants) {
      if (!hasEnded(grant)) continue
      grant.remaining = 0n
      grant.isOver = true
    }
    if (this.goesOn) this.cover()
  }

  /** To a plan that goes on without credits, or back: what is beyond them until then is owed, or covered. */
  move(goesOn: boolean): void {
    if (this.goesOn && !goesOn) this.cover()
    if (!this.goesOn && goesOn && this.isUsed) this.owed = this.beyond
    this.goesOn = goesOn
  }

  /** Pays what is owed, with added credits that were not taken back at once. */
  payOwed(amount: bigint): void {
    this.owed = max(0n, this.owed - max(0n, amount))
  }

  /** What is covered was never charged to credits. */
  private cover(): void {
    if (this.beyond < this.owed) this.owed = this.beyond
    this.charged -= this.beyond - this.owed
  }

  private get beyond(): bigint {
    return max(0n, this.charged - this.burned - this.balance)
  }

  get balance(): bigint {
    return this.grants.reduce((sum, { remaining }) => sum + remaining, 0n)
  }

  private pay(grant: ModelGrant): void {
    const due = this.charged - this.burned
    if (due > 0n) this.burn(grant, due < grant.remaining ? due : grant.remaining)
  }

  /** Returns what the grant paid for reversed charges, minus the part that a refund takes. */
  private giveBack(grant: ModelGrant): void {
    const over = max(0n, this.burned - this.charged)
    const returned = over < grant.burned ? over : grant.burned
    const refunded = returned < grant.shortfall ? returned : grant.shortfall
    this.burn(grant, -returned)
    grant.remaining -= refunded
    grant.shortfall -= refunded
  }

  private burn(grant: ModelGrant, amount: bigint): void {
    grant.remaining -= amount
    grant.burned += amount
    this.burned += amount
  }

  private inOrder(): ModelGrant[] {
    const never = Number.POSITIVE_INFINITY
    return this.grants.toSorted(
      (a, b) =>
        Math.sign((a.expiresAt ?? never) - (b.expiresAt ?? never)) || a.priority - b.priority || a.order - b.order,
    )
  }
}

const max = (a: bigint, b: bigint) => (a > b ? a : b)

const isOver = ({ expiresAt }: ModelGrant, now: number) => expiresAt !== null && expiresAt <= now
