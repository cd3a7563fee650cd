import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { type Question, SlotQuestions } from '../../src/executor/slot-questions.ts';

let questions: SlotQuestions;
beforeEach(() => {
  questions = new SlotQuestions();
});

/** At a look, where there has to be one. */
function asked(slot: number, at: number): Question {
  const question = questions.next(slot, at);
  assert.ok(question !== null);
  return question;
}

test('a slot is asked again when it has answered', () => {
  const first = asked(0, 0);
  assert.equal(questions.next(0, 499), null);
  assert.deepEqual(questions.answered(first, 499), { collect: false, tookMs: 499 });
  assert.equal(questions.size, 0);
  assert.equal(asked(0, 499).collect, false);
});

test('a collection is asked for once, however long it takes, and its answer counts', () => {
  const collection = questions.collect(0, 0);
  assert.equal(collection.collect, true);
  const probes = [500, 1000, 1500].map((at) => asked(0, at));
  assert.ok(probes.every(({ collect }) => !collect));
  assert.equal(questions.next(0, 1999), null, 'one probe in half a second');
  assert.deepEqual(questions.answered(collection, 1900), { collect: true, tookMs: 1900 });
  for (const probe of probes) assert.equal(questions.answered(probe, 1901), null, 'nobody waits for them any more');
  assert.equal(questions.size, 0);
});

test('a collection that is lost is settled by the answer to a later question', () => {
  questions.collect(0, 0);
  assert.deepEqual(questions.answered(asked(0, 500), 501), { collect: true, tookMs: 0 });
  assert.equal(questions.size, 0);
});

test('the answer to a question before a collection does not settle the collection', () => {
  const first = asked(0, 0);
  const collection = questions.collect(0, 10);
  assert.equal(questions.answered(first, 20), null);
  assert.equal(questions.size, 1);
  assert.deepEqual(questions.answered(collection, 30), { collect: true, tookMs: 20 });
});

test('answers of a slot that is gone count no more, nor for the one in its place', () => {
  const [ofFirst, ofSecond] = [asked(0, 0), asked(1, 0)];
  questions.forget(0);
  assert.equal(questions.answered(ofFirst, 1), null);
  const inItsPlace = asked(0, 2);
  assert.equal(questions.answered(ofFirst, 3), null);
  assert.deepEqual(questions.answered(inItsPlace, 4), { collect: false, tookMs: 2 });
  assert.deepEqual(questions.answered(ofSecond, 4), { collect: false, tookMs: 4 });
});
