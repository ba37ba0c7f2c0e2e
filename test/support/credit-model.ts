/** What credits come to, reckoned one grant after the other: the model that random histories are compared with. */

export interface ModelGrant {
  readonly id: string
  remaining: bigint
  burned: bigint
  readonly expiresAt: number | null
  readonly priority: number
  readonly order: number
  isOver: boolean
}

export class CreditModel {
  readonly grants: ModelGrant[] = []
  charged = 0n
  burned = 0n
  isUsed = false

  add(id: string, amount: bigint, expiresAt: number | null, priority: number): ModelGrant {
    this.isUsed = true
    const order = this.grants.length
    const grant = { id, remaining: amount, burned: 0n, expiresAt, priority, order, isOver: false }
    this.grants.push(grant)
    return grant
  }

  /** Charges from before the first grant are nobody's. */
  charge(amount: bigint): void {
    if (this.isUsed) this.charged += amount
  }

  settle(now: number): void {
    for (const grant of this.inOrder()) this.pay(grant)
    for (const grant of this.inOrder().toReversed()) this.giveBack(grant, now)
    for (const grant of this.grants) {
      if (!isOver(grant, now)) continue
      grant.remaining = 0n
      grant.isOver = true
    }
  }

  get balance(): bigint {
    return this.grants.reduce((sum, { remaining }) => sum + remaining, 0n)
  }

  private pay(grant: ModelGrant): void {
    const due = this.charged - this.burned
    if (due > 0n) this.burn(grant, due < grant.remaining ? due : grant.remaining)
  }

  /** What was paid for charges that were taken back, unless the grant has ended. */
  private giveBack(grant: ModelGrant, now: number): void {
    const over = this.burned - this.charged
    if (over > 0n && !grant.isOver && !isOver(grant, now)) this.burn(grant, over < grant.burned ? -over : -grant.burned)
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

const isOver = ({ expiresAt }: ModelGrant, now: number) => expiresAt !== null && expiresAt <= now
