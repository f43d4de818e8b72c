"""Shared by the tests of nodes that follow channels: versions that differ a little, and the channel's path as a reader sees it."""
import os
import shutil

from cases import FleetCase, make_model, write


def change_one_percent(directory, source, seed):
    """A copy of `source` in which about one byte in a hundred differs, in one place."""
    shutil.copytree(source, directory)
    with open(os.path.join(directory, "weights-1.bin"), "r+b") as file:
        size = os.path.getsize(file.name) // 50
        file.seek(size * 3)
        file.write(os.urandom(size))
    write(os.path.join(directory, "config.json"), 700, seed)
    return directory


class VersionsCase(FleetCase):
    model = "acme/model"

    def publish(self, version, seed=1, megabytes=8, base=None, channel=None):
        directory = self.fleet.path(f"model-{version}")
        if base is None:
            make_model(directory, megabytes, seed)
        else:
            change_one_percent(directory, base, seed)
        self.fleet.publish(self.source, directory, self.model, version, channel=channel)
        return directory

    def set_channel(self, version, channel="main", *extra):
        return self.fleet.run("channel", "set", f"{self.model}:{channel}", version, "--state", self.source.state, "--key",
                              self.fleet.path("keys", "publisher.key"), *extra)

    def link(self, member, channel="main"):
        return os.path.join(member.state, "models", *self.model.split("/"), channel)

    def assert_runs(self, member, original, channel="main"):
        self.assert_same(original, self.link(member, channel))

    def activated(self, node, version, deadline=90, after=0):
        """The event, as the `after`-th or later one of that version."""
        seen = []

        def fits(event):
            if event["version"] == version and event not in seen:
                seen.append(event)
            return len(seen) > after and event["version"] == version
        return node.wait_event("activated", deadline, fits)

    def count(self, node, kind, **fields):
        return sum(1 for event in list(node.events) if event.get("type") == kind and all(event.get(k) == v for k, v in fields.items()))

    def until_count(self, node, kind, times, deadline=90, **fields):
        self.until(f"{times} times {kind} {fields}", lambda: self.count(node, kind, **fields) >= times, deadline)

    def status(self, member):
        done = self.fleet.run("status", "--state", member.state, check=False)
        return next((event for event in done.events if event["type"] == "node"), None)

    def subscription(self, member, channel="main"):
        """The row of `status`; an empty one where the node does not know the channel yet."""
        status = self.status(member) or {"subscriptions": []}
        return next((row for row in status["subscriptions"] if row["channel"] == channel), {})
