import assert from 'node:assert/strict';
import test from 'node:test';
import { timings } from '../../static/ui/documents.js';

const at = (seconds) => new Date(Date.UTC(2026, 10, 23, 14, 0, 0) + seconds * 1000).toISOString();
const stage = (name, begin, ms) => (ms === undefined ? { name, startedAt: at(begin) } : { name, startedAt: at(begin), ms });

test('finished stages, without a wait that nobody noticed', () => assert.equal(timings({
  stages: [stage('queue', 0, 200), stage('parse', 0.2, 410), stage('chunk', 0.7, 96), stage('embed', 0.8, 2310), stage('activate', 3.2, 20)],
}), 'read 0.4 s · split 0.1 s · indexed 2.3 s'));

test('what runs is not finished', () => assert.equal(timings({ stages: [stage('queue', 0, 5), stage('parse', 0, 12_345), stage('chunk', 13)] }), 'read 12 s'));

test('a wait before and between the stages', () => assert.equal(timings({
  stages: [stage('queue', 0, 30_000), stage('parse', 30, 1000), stage('chunk', 91, 500), stage('embed', 91.5, 3_725_000)],
}), 'waited 1 min 30 s · read 1.0 s · split 0.5 s · indexed 1 h 2 min'));

test('nothing to say', () => {
  assert.equal(timings({}), '');
  assert.equal(timings({ stages: [stage('queue', 0, 60_000), stage('parse', 60)] }), '');
});
