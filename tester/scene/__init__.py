"""The live diagram of a routing group. Pure: a group and a frame in, coordinates, texts and changing parts out."""

from tester.scene.composition import Scene
from tester.scene.frame_elements import scene_of
from tester.scene.group import MOST_DEPLOYMENTS, DrawnDeployment, DrawnFault, DrawnGroup, Mode, mode_of

__all__ = ["MOST_DEPLOYMENTS", "DrawnDeployment", "DrawnFault", "DrawnGroup", "Mode", "Scene", "mode_of", "scene_of"]
