"""A machine that was stolen is shut out: by the tracker at once, by its peers with their next announce."""
import unittest

from versions import VersionsCase
from fleet import free_port


class Revoke(VersionsCase):
    def revoke(self, machine, check=True):
        return self.fleet.run("nodes", "revoke", machine, "--reason", "stolen from the shop", "--state", self.fleet.path("tracker"), check=check)

    def progress(self, member):
        return self.subscription(member).get("progress") or {"done": 0, "size": 0}

    def test_a_stolen_node_is_cut_off_in_the_middle_of_a_fetch_and_the_others_go_on(self):
        self.publish("1.0")
        # Always at the same address, where the thief finds it again without the tracker.
        address = f"127.0.0.1:{free_port()}"
        seeder = self.fleet.start_seeder(self.source, "--upload-limit", "200KB", "--listen", address)
        thief, honest = self.fleet.join("thief"), self.fleet.join("honest")
        stolen = self.fleet.start_node(thief, "--follow", self.model)
        self.until("the thief fetches", lambda: self.progress(thief)["done"] > 0)
        event = self.revoke("thief").events[-1]
        self.assertEqual((event["type"], event["name"], event["reason"]), ("revoked", "thief", "stolen from the shop"))
        listed = lambda: [row for row in self.fleet.run("nodes", "list", "--state", self.source.state).events if row["name"] == "thief"]
        self.until("the list says so", lambda: listed()[0].get("revoked"))
        seeder.stop()
        self.fleet.start_seeder(self.source, "--upload-limit", "2MB", "--listen", address)
        self.activated(self.fleet.start_node(honest, "--follow", self.model), "1.0")
        self.assertLess(self.progress(thief)["done"], self.progress(thief)["size"])
        self.assertEqual(self.count(stolen, "activated"), 0)

    def test_a_revoked_machine_is_told_so_and_a_new_token_makes_it_another_machine(self):
        self.publish("1.0")
        self.fleet.start_seeder(self.source)
        member = self.fleet.join("edge")
        self.revoke("edge")
        refused = self.until("the tracker refuses it", lambda: self.refused(member))
        self.assert_refused(refused, 12, "revoked", "stolen from the shop")
        self.fleet.run("join", self.fleet.token(), "--state", member.state, "--name", "edge-again", "--replace")
        self.fleet.run("pull", self.model, "--state", member.state, "--listen", "127.0.0.1:0", deadline=60)

    def refused(self, member):
        done = self.fleet.run("pull", self.model, "--state", member.state, "--listen", "127.0.0.1:0", check=False)
        return done if done.code else None

    def test_who_is_not_there_cannot_be_revoked(self):
        done = self.revoke("ghost", check=False)
        self.assert_refused(done, 10, "ghost")


if __name__ == "__main__":
    unittest.main()
