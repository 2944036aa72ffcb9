"""``minicnn learn reset``."""

from minicnn.cli.learn.app import LessonArgument, learn


@learn.command()
def reset(number: LessonArgument) -> None:
    """Begin a lesson anew; a copy of what you wrote stays beside the script."""
    from minicnn.learn import library
    from minicnn.learn.workspace import Workspace

    workspace, lesson = Workspace.find(), library.lesson(number)
    backup = workspace.reset(lesson)
    print(f"{workspace.path(lesson)} is as it came; what you wrote is kept in {backup.name}.")
    print(f"\nNext:  minicnn learn check {lesson.number:02d}")
