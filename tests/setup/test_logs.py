from tvm_remediation.supervisor import logs
from tvm_remediation.supervisor.logs import Logs


def test_a_large_log_is_cut_off_while_its_writer_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "_LARGEST", 100)
    with Logs(tmp_path).open("web") as writer:
        writer.write(b"x" * 101)
        writer.flush()

        Logs(tmp_path, looked_at=-60).rotate()
        writer.write(b"after")

    assert (tmp_path / "web.log").read_bytes() == b"after"
    assert (tmp_path / "web.log.1").read_bytes() == b"x" * 101


def test_a_small_log_stays(tmp_path):
    (tmp_path / "web.log").write_bytes(b"little")

    Logs(tmp_path, looked_at=-60).rotate()

    assert (tmp_path / "web.log").read_bytes() == b"little"
